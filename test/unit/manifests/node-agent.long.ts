import { testAgentScript } from '../../support/node-agent-tests.ts';
import { shells } from '../../support/node-scripts.ts';

testAgentScript(shells.slice(1));
