import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../../sandbox/faults.ts';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds after which a process that does not exit is killed, which fails its test. */
const limitMs = 45_000;
const slow = { timeout: limitMs + 30_000 };

let cli: Cli;
const undo: (() => unknown)[] = [];
beforeEach(async () => void (cli = await openCli()));
afterEach(async () => {
  for (const back of undo.splice(0)) back();
  await cli.close();
});

type Environment = Readonly<Record<string, string>>;

/** Runs the command line in its own process, and sends it one Ctrl-C when `interrupt` resolves. */
async function run(args: string, env: Environment = {}, interrupt?: Promise<void>) {
  const entry = fileURLToPath(new URL('../../../src/cli.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', entry, ...args.split(' ')], {
    env: { PATH: process.env['PATH'], ...cli.site, ...env },
    // Standard input stays open without data, as in a CI job.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  void interrupt?.then(() => child.kill('SIGINT'));
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  clearTimeout(timer);
  return { code, output };
}

/** Leaves these requests without a response. Resolves when the first one arrives. */
function silence(service: Fault['service'], operation: RegExp): Promise<void> {
  undo.push(cli.world.faults.plan({ kind: 'timeout', ...(service ? { service } : {}), operation }));
  return new Promise((resolve) => {
    const listener = cli.world.faults.onCall((call) => {
      if (call.service === service && operation.test(call.operation)) setTimeout(resolve, 300);
    });
    undo.push(listener);
  });
}

/**
 * A program that writes down its process ID, and then sleeps for an hour and ignores all signals except
 * SIGKILL.
 */
function sleeper(name: string): string {
  mkdirSync(join(cli.folder, 'bin'), { recursive: true });
  const program = join(cli.folder, 'bin', name);
  const pid = join(cli.folder, 'pid');
  writeFileSync(program, `#!/bin/sh\ntrap '' TERM INT\necho $$ > ${pid}\nwhile :; do sleep 3600; done\n`);
  chmodSync(program, 0o755);
  return program;
}

/**
 * Runs with `--timeout`, and again with a longer one if the program was not started: a busy machine needs
 * longer.
 */
async function runSleeper(args: string, env: Environment) {
  for (let seconds = 5; ; seconds *= 2) {
    const ran = await run(`${args} --timeout ${seconds}s`, env);
    if (existsSync(join(cli.folder, 'pid')) || seconds > 10) return ran;
  }
}

/** Resolves when the program has started. */
async function sleeperStart(): Promise<void> {
  while (!existsSync(join(cli.folder, 'pid')) || sleeperPid() === '') await delay(50);
}

const sleeperPid = (): string => readFileSync(join(cli.folder, 'pid'), 'utf8').trim();

function expectSleeperGone(): void {
  const pid = sleeperPid();
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' });
  expect(stdout.trim()).toMatch(/^(Z|$)/);
}

/** A kubeconfig whose credentials come from this program. */
function pluginKubeconfig(command: string, args: readonly string[] = []): Environment {
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command, args };
  const file = join(cli.folder, 'plugin-kubeconfig');
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { exec } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return { KUBECONFIG: file };
}

/** Accepts connections and never responds. */
async function silentServer(where: { readonly port: 0; readonly host: string } | { readonly path: string }) {
  const server: Server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(where, resolve));
  undo.push(() => server.close());
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}

describe('--timeout', () => {
  const expectTimeout = ({ code, output }: Awaited<ReturnType<typeof run>>) => {
    expect(code, output).toBe(1);
    expect(output).toContain('timed out after --timeout');
  };

  it('ends the process while the API server does not respond', slow, async () => {
    void silence('kubernetes', /^list/);
    expectTimeout(await run('status --timeout 3s'));
  });

  it('ends the process while AWS does not respond', slow, async () => {
    const port = await silentServer({ port: 0, host: '127.0.0.1' });
    expectTimeout(await run('up --dry-run --timeout 3s', { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }));
  });

  it('ends the process while the Docker engine does not respond', slow, async () => {
    const path = join(cli.folder, 'docker.sock');
    await silentServer({ path });
    expectTimeout(
      await run('mirror nginx:1.27 --engine docker --timeout 5s', { DOCKER_HOST: `unix://${path}` }),
    );
  });

  it('ends the process and a credential plugin that does not exit', slow, async () => {
    expectTimeout(await runSleeper('status', pluginKubeconfig(sleeper('plugin'))));
    expectSleeperGone();
  });

  it('ends the process and a Docker credential helper that does not exit', slow, async () => {
    const folder = join(sleeper('docker-credential-asleep'), '..');
    writeFileSync(join(cli.folder, 'config.json'), JSON.stringify({ credsStore: 'asleep' }));
    const env = {
      DOCKER_CONFIG: cli.folder,
      PATH: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    };
    expectTimeout(await runSleeper('mirror nginx:1.27', env));
    expectSleeperGone();
  });

  it('ends the process while a credential_process does not exit', slow, async () => {
    const file = join(cli.folder, 'aws-config');
    writeFileSync(file, `[profile asleep]\ncredential_process = ${sleeper('vault')}\n`);
    const env = {
      AWS_CONFIG_FILE: file,
      AWS_PROFILE: 'asleep',
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
    };
    expectTimeout(await runSleeper('mirror nginx:1.27 --dry-run', env));
    // The SDK starts this program, so ecr-bootstrap cannot end it.
    process.kill(Number(sleeperPid()), 'SIGKILL');
  });
});

describe('a credential plugin that reads its standard input', () => {
  it('gets an empty input without a terminal, so that the command ends', slow, async () => {
    const script = 'read pin || { echo "there is no PIN" >&2; exit 1; }';
    const { code, output } = await run('status --only operator', pluginKubeconfig('sh', ['-c', script]));
    expect(code, output).toBe(3);
    expect(output).toContain('There is no PIN.');
  });
});

describe('one Ctrl-C', () => {
  it(
    'reports the result of a change in flight as unknown, and says that the lease remains',
    slow,
    async () => {
      const { code, output } = await run('up --yes', {}, silence('iam', /^CreateUser/));
      expect(code, output).toBe(130);
      expect(output).toContain('Stopping after the current changes (press Ctrl-C again to stop now).');
      expect(output).toMatch(/\? create IAM user \S+: unknown, it was still in flight/);
      expect(output).toContain('The lease kube-system/ecr-bootstrap was not released');
      expect(cli.world.cluster.get('Lease', 'ecr-bootstrap', 'kube-system')).toBeDefined();
    },
  );

  it('ends the process and a credential plugin that does not exit', slow, async () => {
    const kubeconfig = pluginKubeconfig(sleeper('plugin'));
    const { code, output } = await run('status', kubeconfig, sleeperStart());
    expect(code, output).toBe(130);
    expectSleeperGone();
  });

  it('ends the process while it takes the lease', slow, async () => {
    const { code, output } = await run('up --yes', {}, silence('kubernetes', /^create leases/));
    expect(code, output).toBe(130);
    expect(output).toContain('It is unknown whether this run took the lease kube-system/ecr-bootstrap');
  });

  it('ends the process while a source registry does not respond', slow, async () => {
    const { code, output } = await run('mirror nginx:1.27', {}, silence('source', /./));
    expect(code, output).toBe(130);
  });

  it('ends the process while ECR does not respond during an upload', slow, async () => {
    const { code, output } = await run('mirror nginx:1.27', {}, silence('registry', /Upload/));
    expect(code, output).toBe(130);
  });
});
