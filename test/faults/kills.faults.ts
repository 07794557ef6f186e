import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Installed, type RunningSandbox } from './installed.ts';

/** KILLS_SEED repeats the moments of an earlier run; how far the program gets until then is up to the machine. */
const seed = Number(process.env['KILLS_SEED'] ?? Date.now() % 1_000_000);
/** When, as parts of the time that a command takes when it is left alone: drawn before, for runs are under way beside each other. */
const moments = Array.from({ length: 50 }, randomFrom(seed));
const ups = moments.slice(0, 34);
const others = [
  // The old key works until a rotation gets to its end.
  {
    // Few, for each such run waits half a minute until the disabled key is refused.
    command: 'rotate --yes --force',
    moments: moments.slice(34, 37),
    recovery: ['up --yes', 'rotate --yes --force'],
  },
  { command: 'down --yes', moments: moments.slice(42), recovery: ['up --yes'] },
];
/** Milliseconds. */
const patient = 600_000;

let installed: Installed;
let killed = 0;

beforeAll(async () => {
  installed = await Installed.install();
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
  }, patient);

  it.concurrent.each(ups)(
    'after %d of a first up, is followed by one that gets all in order',
    { timeout: patient },
    (moment) =>
      inSandbox(async (sandbox) => {
        await kill(sandbox, 'up --yes', moment * typical);
        await timed(sandbox, 'up --yes');
        await expectOrder(sandbox);
      }),
  );

  it.concurrent.each(others)(
    'during $command, again and again, is followed by runs that get all in order',
    { timeout: patient },
    (other) =>
      inSandbox(async (sandbox) => {
        await timed(sandbox, 'up --yes');
        const takes = await timed(sandbox, other.command);
        await timed(sandbox, 'up --yes');
        for (const moment of other.moments) {
          await kill(sandbox, other.command, moment * takes);
          for (const command of other.recovery) await timed(sandbox, command);
          await expectOrder(sandbox);
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

/** Nothing is left to do, and there is one active key. */
async function expectOrder(sandbox: RunningSandbox): Promise<void> {
  const plan = await sandbox.run('up --dry-run --exit-code');
  expect(plan.code, plan.output).toBe(0);
  expect(await sandbox.activeKeys('image-puller'), 'active keys').toBe(1);
}

/** Numbers from 0 to 1 that follow from a seed: mulberry32. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
