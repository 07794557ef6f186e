import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Installed, type RunningSandbox } from '../support/installed.ts';
import { sampleEvery } from '../support/sample.ts';

/** KILLS_SEED repeats the moments of an earlier run. How far the program gets by then depends on the machine. */
const seed = Number(process.env['KILLS_SEED'] ?? Date.now() % 1_000_000);
/**
 * When to kill, as fractions of the duration of an uninterrupted command. Drawn in advance, because runs are
 * concurrent.
 */
const nextMoment = randomFrom(seed);
const draw = (kills: number) => Array.from({ length: Math.ceil(kills / sampleEvery) }, nextMoment);
const ups = draw(34);
const others = [
  {
    command: 'rotate --yes',
    // A rotation needs the place of the key that the last one disabled, which the first up after twelve hours deletes.
    before: ['--advance 13h', 'up --yes'],
    // Only a few: each such up waits a minute until the nodes have renewed their tokens.
    moments: draw(3),
    recovery: ['up --yes', 'rotate --yes'],
  },
  {
    command: 'rotate --yes --force',
    before: [],
    // Only a few: each such run waits half a minute until the disabled key is rejected.
    moments: draw(3),
    // The old key works until a rotation completes, so the recovery rotates again.
    recovery: ['up --yes', 'rotate --yes --force'],
  },
  { command: 'down --yes', before: [], moments: draw(8), recovery: ['up --yes'] },
];
/** Milliseconds. */
const timeoutMs = 600_000;

let installed: Installed;
let killed = 0;

beforeAll(async () => {
  installed = await Installed.fromNpm();
}, 300_000);

afterAll(() => {
  installed.remove();
  process.stdout.write(`the installed program was killed ${killed} times (KILLS_SEED=${seed})\n`);
});

/** @param after milliseconds */
async function kill(sandbox: RunningSandbox, command: string, after: number): Promise<void> {
  const { code } = await sandbox.run(command, after);
  if (code === undefined) killed += 1;
}

async function timed(sandbox: RunningSandbox, command: string): Promise<number> {
  const start = performance.now();
  const { code, output } = await sandbox.run(command);
  expect(code, `${command}: ${output}`).toBe(0);
  return performance.now() - start;
}

describe('the installed program, killed at a random moment', () => {
  let typical = 0;

  beforeAll(async () => {
    await inSandbox(async (sandbox) => {
      typical = await timed(sandbox, 'up --yes');
    });
  }, timeoutMs);

  it.concurrent.each(ups)(
    'completes with another up after a kill at %d of the duration of a first up',
    { timeout: timeoutMs },
    (moment) =>
      inSandbox(async (sandbox) => {
        await kill(sandbox, 'up --yes', moment * typical);
        await timed(sandbox, 'up --yes');
        await expectHealthy(sandbox);
      }),
  );

  it.concurrent.each(others)(
    'completes with the recovery commands after each of several kills during $command',
    { timeout: timeoutMs },
    (other) =>
      inSandbox(async (sandbox) => {
        await timed(sandbox, 'up --yes');
        const takes = await timed(sandbox, other.command);
        await timed(sandbox, 'up --yes');
        for (const moment of other.moments) {
          for (const command of other.before) await timed(sandbox, command);
          await kill(sandbox, other.command, moment * takes);
          for (const command of other.recovery) await timed(sandbox, command);
          await expectHealthy(sandbox);
        }
      }),
  );
});

async function inSandbox(act: (sandbox: RunningSandbox) => Promise<void>): Promise<void> {
  const sandbox = await installed.sandbox();
  try {
    await act(sandbox);
  } finally {
    await sandbox.close();
  }
}

/** Expects an empty plan and exactly one enabled key. */
async function expectHealthy(sandbox: RunningSandbox): Promise<void> {
  const plan = await sandbox.run('up --dry-run --exit-code');
  expect(plan.code, plan.output).toBe(0);
  expect(await sandbox.activeKeys('image-puller'), 'active keys').toBe(1);
}

/** Numbers between 0 and 1 that depend only on the seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
