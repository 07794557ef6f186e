import { testJoinScript } from '../../support/node-join-tests.ts';
import { shells } from '../../support/node-scripts.ts';

testJoinScript(shells.slice(1));
