import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Layout } from '../../../src/output/layout.ts';
import { LiveLine } from '../../../src/output/live-line.ts';
import { runSubprocess } from '../../../src/core/subprocess.ts';

let screen: string;
let line: LiveLine;
const stream = new Writable({
  write: (chunk: Buffer, _encoding, done) => {
    screen += chunk.toString();
    done();
  },
});

beforeEach(() => {
  vi.useFakeTimers();
  screen = '';
  line = new LiveLine(stream, () => new Layout({ width: 60 }), true);
});
afterEach(() => {
  line.clear();
  vi.useRealTimers();
});

/** The text of the line after that many milliseconds. */
function after(milliseconds: number): string {
  screen = '';
  vi.advanceTimersByTime(milliseconds);
  return screen.split('\r\u001b[2K').at(-1)?.slice(2) ?? '';
}

it('shows what a run waits for before its first step, and for how long', () => {
  line.follow({ type: 'waiting', step: '', what: 'AWS and the cluster', seconds: 0 });
  expect(after(1000)).toBe('waiting for AWS and the cluster');
  expect(after(33_000)).toBe('waiting for AWS and the cluster (34s)');
});

it('continues from the seconds that a wait has already taken', () => {
  line.follow({ type: 'waiting', step: 'lease', what: 'another run', seconds: 12 });
  expect(after(100)).toBe('waiting for another run (12s)');
});

it('shows the duration of a step that reports nothing', () => {
  line.follow({ type: 'step-started', step: 'operator', title: 'External Secrets Operator' });
  expect(after(5000)).toBe('External Secrets Operator (5s)');
  line.follow({ type: 'step-started', step: 'images', title: 'images' });
  expect(after(1000)).toBe('images');
});

it('shortens a long text so that the duration stays visible', () => {
  line.follow({ type: 'waiting', step: '', what: 'x'.repeat(100), seconds: 30 });
  const text = after(100);
  expect(text).toMatch(/^waiting for x+… \(30s\)$/);
  expect(text.length).toBe(55);
});

it('never wraps on a terminal that is too narrow for other lines', () => {
  const narrow = new LiveLine(Object.assign(stream, { columns: 20 }), () => new Layout({ width: 40 }), true);
  narrow.follow({ type: 'waiting', step: '', what: 'AWS and the cluster', seconds: 0 });
  expect(after(1000)).toBe('waiting for AW…');
  narrow.follow({
    type: 'progress',
    step: 'images',
    progress: { id: 'images', label: 'images', unit: 'items', done: 1, total: 9 },
  });
  expect(after(1000).length).toBeLessThanOrEqual(15);
  narrow.clear();
});

it('disappears when the run has something to show', () => {
  line.follow({ type: 'waiting', step: '', what: 'AWS', seconds: 0 });
  after(500);
  line.clear();
  expect(after(5000)).toBe('');
});

it('disappears while a program asks the user on the terminal', async () => {
  line.follow({ type: 'waiting', step: '', what: 'AWS', seconds: 0 });
  const plugin = runSubprocess(process.execPath, { args: ['-e', ''], env: process.env, timeoutMs: 20_000 });
  expect(after(500)).toBe('');
  await plugin;
  expect(after(100)).toBe('waiting for AWS');
});
