// Shared by the demo and the docs: opens a sandbox and runs the product's own main in it.
import { mkdtempSync, rmSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { runPlan } from '../src/run/run-plan.ts';
import { openSession } from '../src/run/session.ts';
import { systemClock } from '../src/core/clock.ts';
import { main } from '../src/main.ts';
import { SandboxClock } from '../sandbox/clock.ts';
import { startWorld } from '../sandbox/world.ts';
import { fastClock } from '../test/support/fast-clock.ts';

/** When recordings begin. Their time passes only while the program waits, so that each one prints the same. */
const recordedAt = Date.parse('2026-03-02T09:00:00Z');

/** The terminal of recordings. */
const terminal = { isTTY: true, columns: 80 };

/**
 * Opens a sandbox; `run` takes a command line and resolves to its exit code and output.
 * @param echo shows the output, which takes the real time. Otherwise it is recorded, as of a terminal without
 *   progress. In a recording, hints are those for AWS itself.
 * @param configured whether the environment has the project, so that no configuration file is needed
 */
export async function openWorld({ echo = false, configured = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-demo-'));
  const world = await startWorld(echo ? {} : { clock: new SandboxClock(() => recordedAt) });
  const settings = {
    ECR_BOOTSTRAP_CONFIG: devNull,
    ECR_BOOTSTRAP_PROJECT: 'demo',
    ECR_BOOTSTRAP_ACCOUNT_ID: world.account,
  };
  const env = {
    ...world.environment(folder),
    ...(configured ? settings : {}),
    ...(process.env.NO_COLOR || !echo ? { NO_COLOR: '1' } : {}),
    ...(echo ? {} : { CI: 'true' }),
    ...(echo && process.env.TERM ? { TERM: process.env.TERM } : {}),
  };
  for (const name of Object.keys(process.env))
    if (/^(AWS_|KUBE|DOCKER_)/.test(name)) delete process.env[name];
  Object.assign(process.env, env);
  const clock = echo ? { ...systemClock, now: () => world.clock.now() } : fastClock(world.clock);
  // Durations are those of the clock too.
  if (!echo) performance.now = () => world.clock.offset;

  /** @param work what a process does with its arguments and surroundings; resolves to its exit code */
  async function captured(line, work, { color = false, answer } = {}) {
    let output = '';
    const typed = Object.assign(new PassThrough(), { isTTY: true });
    const capture = (stream) => {
      const sink = new Writable({
        write(chunk, _encoding, done) {
          const isAsked = output.includes('[y/N]');
          output += chunk;
          if (echo) stream.write(chunk);
          if (answer !== undefined && !isAsked && output.includes('[y/N]')) typed.write(`${answer}\n`);
          done();
        },
      });
      return Object.assign(sink, echo ? { isTTY: stream.isTTY, columns: stream.columns } : terminal);
    };
    const streams = {
      stdin: answer === undefined ? process.stdin : typed,
      stdout: capture(process.stdout),
      stderr: capture(process.stderr),
    };
    const signal = new AbortController().signal;
    const around = {
      cwd: folder,
      env: color ? { ...env, FORCE_COLOR: '1' } : env,
      streams,
      clock,
      signal,
      ca: world.caPem,
      sandbox: echo,
    };
    const exitCode = await work(line.split(' ').filter(Boolean), around);
    return { exitCode, output };
  }

  return {
    world,
    /** @param how `color`, and the `answer` to the question */
    run: (line, how) => captured(line, main, how),
    /** Applies one step alone, also where the command line demands others with it. */
    apply: (step, config) =>
      captured('', async (_argv, around) => {
        const session = openSession('up', { config }, around);
        try {
          return await runPlan(session, {
            steps: [step],
            usesKey: true,
            question: undefined,
            next: () => [],
          });
        } finally {
          await session.close();
        }
      }),
    close: async () => {
      await world.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
