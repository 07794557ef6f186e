import { Readable, Writable } from 'node:stream';
import { healthOf } from '../../../src/core/problems.ts';
import { describe, expect, it } from 'vitest';
import type { ChangeWith } from '../../../src/core/step.ts';
import { createReporter } from '../../../src/output/index.ts';

const value = 'swordfish-swordfish';
const change: ChangeWith<{ readonly value: string }> = {
  action: 'update',
  target: { kind: 'thing', name: 'a' },
  fields: [{ path: 'x', from: 1, to: 2 }],
  payload: { value },
};
const [step, title, findings] = ['one', 'the only step', []];
const plan = { step, title, group: 'images', changes: [change], unmanaged: [change], findings } as const;

/** Everything that a reporter writes about the change, in every view and event. */
async function written(format: 'text' | 'json'): Promise<string> {
  let text = '';
  const stream = () =>
    new Writable({
      write(chunk: Buffer, _, done) {
        text += chunk.toString();
        done();
      },
    });
  const reporter = createReporter({
    command: 'up',
    format,
    verbosity: 'verbose',
    color: 'never',
    wide: false,
    sandbox: false,
    cwd: '/',
    env: {},
    streams: { stdin: Readable.from([]), stdout: stream(), stderr: stream() },
  });
  reporter.event({ type: 'change-started', step, change });
  reporter.event({ type: 'change-found', step, change });
  reporter.event({ type: 'change-done', step, outcome: { change, result: 'done' } });
  await reporter.show({ type: 'plan', data: { steps: [plan], dryRun: false } });
  await reporter.show({
    type: 'result',
    data: {
      steps: [{ step, outcomes: [{ change, result: 'done' }], failures: [] }],
      changed: 1,
      unplanned: 0,
      made: { update: 1 },
      seconds: 1,
      next: [],
    },
  });
  await reporter.show({
    type: 'status',
    header: { sandbox: false, kubeconfig: [] },
    data: {
      ...healthOf([]),
      time: '2026-11-29T04:41:07.000Z',
      version: '1.0.0',
      verdict: 'unhealthy',
      steps: [{ step, title, group: 'nodes', findings, drift: [change] }],
    },
  });
  await reporter.end(true);
  return text;
}

describe('the payload of a change', () => {
  it.each(['text', 'json'] as const)('never appears in %s output', async (format) => {
    const text = await written(format);
    expect(text).toContain('thing');
    expect(text).not.toContain('payload');
    expect(text).not.toContain(value);
  });

  it('is the only part of a change that the JSON document lacks', async () => {
    const { payload, ...printed } = change;
    expect(payload).toEqual({ value });
    const document = JSON.parse(await written('json')) as Record<string, { steps: unknown[] }>;
    expect(document['plan']?.steps).toEqual([
      { step, title, group: 'images', changes: [printed], unmanaged: [printed], findings },
    ]);
    expect(document['result']?.steps).toEqual([
      { step, outcomes: [{ change: printed, result: 'done' }], failures: [] },
    ]);
    expect(document['status']?.steps).toEqual([{ step, title, group: 'nodes', findings, drift: [printed] }]);
  });
});
