import { expect, it } from 'vitest';
import { BootstrapError, interruptedError } from '../../../src/core/errors.ts';
import type { Event } from '../../../src/core/step.ts';
import type { Reporter } from '../../../src/output/index.ts';
import { announcingStop } from '../../../src/run/stopping.ts';

/** The notes of work during which the signal is aborted for a reason. */
async function notesAt(reason: unknown): Promise<string[]> {
  const notes: string[] = [];
  const event = (one: Event): void => {
    if (one.type === 'note') notes.push(one.text);
  };
  const abort = new AbortController();
  const session = { signal: abort.signal, reporter: { event } as unknown as Reporter };
  await announcingStop(session, 'Stopping after the current changes', () => {
    abort.abort(reason);
    return Promise.resolve();
  });
  return notes;
}

it('says at once what Ctrl-C does, and what a second one does', async () => {
  expect(await notesAt(interruptedError())).toEqual([
    'Stopping after the current changes (press Ctrl-C again to stop now).',
  ]);
});

it('says nothing about Ctrl-C when --timeout ends the run', async () => {
  const timeout = new BootstrapError({ code: 'timeout', what: 'a', why: 'b', hint: 'c' });
  expect(await notesAt(timeout)).toEqual([]);
});

it('says nothing after the work has ended', async () => {
  const notes: string[] = [];
  const abort = new AbortController();
  const reporter = { event: (one: Event) => void notes.push(one.type) } as unknown as Reporter;
  await announcingStop({ signal: abort.signal, reporter }, 'Stopping', () => Promise.resolve());
  abort.abort(interruptedError());
  expect(notes).toEqual([]);
});
