import { Writable } from 'node:stream';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Event } from '../../../src/core/step.ts';
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
  line.follow({ type: 'step-started', step: 'operator', title: 'External Secrets Operator', changes: 0 });
  expect(after(5000)).toBe('External Secrets Operator (5s)');
  line.follow({ type: 'step-started', step: 'images', title: 'images', changes: 0 });
  expect(after(1000)).toBe('images');
});

it('shows the step, how many of its changes are done, and the current one', () => {
  const change = (name: string) =>
    ({ action: 'create', target: { kind: 'Role', name }, fields: [] }) as const;
  line.follow({ type: 'step-started', step: 'operator', title: 'operator', changes: 3 });
  line.follow({ type: 'change-started', step: 'operator', change: change('a') });
  expect(after(100)).toBe('operator · 0 of 3 · create a');
  line.follow({ type: 'change-done', step: 'operator', outcome: { change: change('a'), result: 'done' } });
  line.follow({ type: 'waiting', step: 'operator', what: 'the webhook', seconds: 4 });
  expect(after(100)).toBe('waiting for the webhook (4s)');
  line.follow({ type: 'change-started', step: 'operator', change: change('b') });
  expect(after(100)).toBe('operator · 1 of 3 · create b');
});

const progress = (id: string, done: number, total: number): Event => ({
  type: 'progress',
  step: 'images',
  progress: { id, label: id, done, total, unit: 'bytes' },
});

it('shows the bars of images in a terminal with room for them, and erases all of its lines', () => {
  const tall = new LiveLine(Object.assign(stream, { rows: 24 }), () => new Layout({ width: 80 }), true);
  try {
    tall.follow(progress('images', 80, 200));
    tall.follow(progress('docker.io/library/nginx:1.27', 50, 100));
    tall.follow(progress('docker.io/library/redis:7', 30, 100));
    vi.advanceTimersByTime(100);
    const drawn = screen.split('\n');
    expect(drawn.map((each) => each.slice(2, 22).trimEnd())).toEqual([
      '80 B of 200 B',
      'nginx:1.27',
      'redis:7',
    ]);
    expect(drawn[1]).toMatch(/█{7}░{7} {2} 50%$/);
    screen = '';
    tall.above('text\n');
    expect(screen).toBe('\r\u001b[2A\u001b[0Jtext\n');
  } finally {
    tall.clear();
    Object.assign(stream, { rows: undefined });
  }
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
