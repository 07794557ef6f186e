import { testJoinScript } from '../../support/node-join-tests.ts';
import { shells } from '../../support/node-scripts.ts';

// The other shells are tested in node-join.long.ts.
testJoinScript(shells.slice(0, 1));
