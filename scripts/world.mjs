// Shared by the demo and the docs: opens a sandbox and runs the product's own main in it.
import { mkdtempSync, rmSync } from 'node:fs';
import { devNull, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { runPlan } from '../src/run/run-plan.ts';
import { openSession } from '../src/run/session.ts';
import { main } from '../src/main.ts';
import { startWorld } from '../sandbox/world.ts';

/** Opens a sandbox; `run` takes a command line and resolves to its exit code and output. */
export async function openWorld({ echo = false } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-demo-'));
  const world = await startWorld();
  const env = {
    ...world.environment(folder),
    ECR_BOOTSTRAP_CONFIG: devNull,
    ECR_BOOTSTRAP_PROJECT: 'demo',
    ECR_BOOTSTRAP_ACCOUNT_ID: world.account,
    // Captured output looks as on a terminal, without colors and progress.
    ...(process.env.NO_COLOR || !echo ? { NO_COLOR: '1' } : {}),
    ...(echo ? {} : { CI: 'true' }),
    ...(process.env.TERM ? { TERM: process.env.TERM } : {}),
  };
  for (const name of Object.keys(process.env))
    if (/^(AWS_|KUBE|DOCKER_)/.test(name)) delete process.env[name];
  Object.assign(process.env, env);
  const clock = {
    now: () => Date.now() + world.clock.offset,
    sleep: (milliseconds, signal) =>
      setTimeout(milliseconds, undefined, { signal }).catch(() => {
        throw signal.reason;
      }),
  };

  /** @param work what a process does with its arguments and surroundings; resolves to its exit code */
  async function captured(line, work) {
    let output = '';
    const capture = (stream) => {
      const sink = new Writable({
        write(chunk, _encoding, done) {
          output += chunk;
          if (echo) stream.write(chunk);
          done();
        },
      });
      return Object.assign(sink, { isTTY: !echo || stream.isTTY, columns: stream.columns });
    };
    const streams = {
      stdin: process.stdin,
      stdout: capture(process.stdout),
      stderr: capture(process.stderr),
    };
    const signal = new AbortController().signal;
    const around = { cwd: folder, env, streams, clock, signal, ca: world.caPem, sandbox: true };
    const exitCode = await work(line.split(' ').filter(Boolean), around);
    return { exitCode, output };
  }

  return {
    world,
    run: (line) => captured(line, main),
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
