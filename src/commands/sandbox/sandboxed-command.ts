import { readFileSync, rmSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Runtime } from '../../run/runtime.ts';
import type { Session } from '../../run/session.ts';
import { onAbort } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import { BootstrapError, exitCodes } from '../../core/errors.ts';
import type { Program } from '../command.ts';
import { createNet } from '../../clients/net/index.ts';
import { request } from '../../clients/net/request.ts';
import { formatDuration } from '../../output/units.ts';
import { controlUrl, startWorld } from '../../../sandbox/world.ts';
import {
  createFolder,
  createTemporaryFolder,
  readRunning,
  registerRunning,
  removeSandbox,
  type Running,
} from './state.ts';

/** Runs a command against the running sandbox, or against a new one that is deleted afterwards. */
export async function runSandboxed(
  session: Session,
  words: readonly string[],
  main: Program['main'],
): Promise<number> {
  const running = readRunning();
  if (running) return inRunning(session, running, words, main);
  if (!words.some((word) => /^(-q|--quiet)$/.test(word))) {
    session.reporter.warn(
      'This sandbox is deleted after the command; `ecr-bootstrap sandbox` keeps one running.',
    );
  }
  const folder = createTemporaryFolder();
  const world = await startWorld();
  try {
    const clock = clockAt(session.clock, () => world.clock.offset);
    return await main(words, enter(session, words, world.environment(folder), world.account, clock));
  } finally {
    await world.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Keeps a sandbox running until Ctrl-C. */
export async function keepRunning(session: Session): Promise<number> {
  if (readRunning()) return useRunning(session);
  const folder = createFolder();
  const world = await startWorld();
  try {
    const env = world.environment(folder, true);
    if (!registerRunning({ pid: process.pid, folder, env, account: world.account }))
      return useRunning(session);
    await session.reporter.show({ type: 'text', data: { text: invitation(env['KUBECONFIG'] ?? '') } });
    await new Promise<void>((resolve) => onAbort(session.signal, resolve));
    return exitCodes.done;
  } finally {
    removeSandbox(folder);
    await world.close();
  }
}

function useRunning({ reporter }: Session): number {
  reporter.warn('A sandbox is already running: try `ecr-bootstrap sandbox up`.');
  return exitCodes.done;
}

/** Advances the clock of the running sandbox. */
export async function advance({ reporter }: Session, milliseconds: number): Promise<number> {
  const running = readRunning();
  if (!running) {
    throw new BootstrapError({
      code: 'usage',
      what: 'could not advance the clock of the sandbox',
      why: 'no sandbox is running',
      hint: 'Start one in another terminal: ecr-bootstrap sandbox',
    });
  }
  await askClock(running, `?advance=${milliseconds}`);
  await reporter.show({
    type: 'text',
    data: { text: `Advanced the clock of the sandbox by ${formatDuration(milliseconds)}.` },
  });
  return exitCodes.done;
}

async function inRunning(
  session: Session,
  running: Running,
  words: readonly string[],
  main: Program['main'],
): Promise<number> {
  const offset = await askClock(running);
  const clock = clockAt(session.clock, () => offset);
  return main(words, enter(session, words, running.env, running.account, clock));
}

/** @returns the milliseconds by which the sandbox is ahead */
async function askClock({ env }: Running, query = ''): Promise<number> {
  const net = createNet(authority(env), env);
  try {
    const answer = await request(net, `${controlUrl}${query}`, { method: query ? 'POST' : 'GET' });
    return (JSON.parse(await answer.text()) as { offset: number }).offset;
  } finally {
    await net.close();
  }
}

const authority = (env: Readonly<Record<string, string>>): string =>
  readFileSync(env['NODE_EXTRA_CA_CERTS'] ?? devNull, 'utf8');

/** A runtime in which the sandbox replaces every server. Also changes the environment of the process. */
function enter(
  session: Session,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  account: string,
  clock: Clock,
): Runtime {
  const chosen = words.some((word) => /^(-c|--config)/.test(word));
  const defaults = {
    ECR_BOOTSTRAP_CONFIG: devNull,
    ECR_BOOTSTRAP_PROJECT: 'demo',
    ECR_BOOTSTRAP_ACCOUNT_ID: account,
  };
  // The SDK's credential provider chain reads the environment of the process.
  for (const name of Object.keys(process.env))
    if (/^(AWS_|KUBE|DOCKER_)/.test(name)) delete process.env[name];
  Object.assign(process.env, env);
  return {
    cwd: session.cwd,
    env: { ...display(session.env), ...env, ...(chosen ? {} : defaults) },
    streams: session.streams,
    signal: session.signal,
    ...(session.stdoutClosed ? { stdoutClosed: session.stdoutClosed } : {}),
    clock,
    ca: authority(env),
    sandbox: true,
  };
}

/** The variables of the user's environment that affect only the display. */
function display(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = ['TERM', 'NO_COLOR', 'FORCE_COLOR', 'CI', 'LC_ALL', 'LC_CTYPE', 'LANG'];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

const clockAt = (real: Clock, offset: () => number): Clock => ({
  now: () => real.now() + offset(),
  sleep: (milliseconds, signal) => real.sleep(milliseconds, signal),
});

const invitation = (kubeconfig: string): string =>
  `The sandbox runs until Ctrl-C. In another terminal:

  ecr-bootstrap sandbox up              set up AWS and the cluster
  ecr-bootstrap sandbox status          show its health
  ecr-bootstrap sandbox --advance 13h   advance its clock

To inspect its cluster:

  kubectl --kubeconfig ${kubeconfig} get pods -A`;
