import { describe, expect, it } from 'vitest';
import { readScripts } from '../../../src/nodes/script.ts';
import { testAgentScript } from '../../support/node-agent-tests.ts';
import { shells } from '../../support/node-scripts.ts';

describe('the script of the agent', () => {
  it('has no double dollar sign, which Kubernetes would replace in commands', () => {
    expect(readScripts('node-files', 'node-agent')).not.toContain('$$');
  });
});

// The other shells are tested in node-agent.long.ts.
testAgentScript(shells.slice(0, 1));
