import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openSession } from '../../src/run/session.ts';
import { systemClock } from '../../src/core/clock.ts';
import { forgetSecrets } from '../../src/core/secret.ts';
import { type Cli, openCli, type CliResult, type RunOptions } from '../support/cli.ts';
import { Hostile } from './hostile.ts';
import { awkwardSecret, Planted } from './planted.ts';

const planted = new Planted();
const passwords = {
  basic: awkwardSecret(),
  bearer: awkwardSecret(),
  proxy: awkwardSecret(),
  kube: awkwardSecret(),
};
for (const [where, value] of Object.entries(passwords)) planted.add(`password for ${where}`, value);

let cli: Cli;
let hostile: Hostile;
let env: Record<string, string | undefined>;
const outputs: string[] = [];
let masked = 0;

beforeAll(async () => {
  forgetSecrets();
  cli = await openCli(
    {
      sources: [
        { host: 'basic.example.com', auth: 'basic', login: { username: 'me', password: passwords.basic } },
        { host: 'bearer.example.com', auth: 'bearer', login: { username: 'me', password: passwords.bearer } },
      ],
    },
    { fast: true, config: 'images: { list: [basic.example.com/app:1, bearer.example.com/app:1] }' },
  );
  const { world, folder } = cli;
  for (const host of ['basic', 'bearer']) world.sources.get(`${host}.example.com`)?.seed('app', '1');
  writeDockerConfig(join(folder, '.docker'));
  env = { ...singleSignOn(), HTTPS_PROXY: proxyWithLogin() };
  hostile = new Hostile(world, planted);
});

afterEach(() => hostile.become(/^$/, 1));

afterAll(async () => {
  await cli.close();
  process.stdout.write(`searched ${outputs.length} outputs for ${planted.size} secrets\n`);
});

/** Runs a command and searches its output for secrets. */
async function run(args: string, options: RunOptions = {}): Promise<CliResult> {
  const ran = await cli.run(args, { ...options, env: { ...env, ...options.env } });
  planted.addFromState(cli.world);
  search(`${args}: stdout`, ran.stdout);
  search(`${args}: stderr`, ran.stderr);
  return ran;
}

function search(where: string, text: string): void {
  outputs.push(where);
  if (text.includes('(secret)')) masked += 1;
  expect(planted.in(text), where).toEqual([]);
}

/** A single sign-on session in a credentials file, instead of the administrator's key. */
function singleSignOn(): Record<string, string | undefined> {
  const { identities } = cli.world.aws;
  const admin = identities.users.get('admin');
  if (!admin) throw new Error('the sandbox has an administrator');
  const { id, secret, sessionToken } = identities.addSession(admin, 1e9);
  const file = join(cli.folder, 'credentials');
  const lines = [
    '[sso]',
    `aws_access_key_id=${id}`,
    `aws_secret_access_key=${secret}`,
    `aws_session_token=${sessionToken}`,
  ];
  writeFileSync(file, lines.join('\n'), { mode: 0o600 });
  return {
    AWS_ACCESS_KEY_ID: undefined,
    AWS_SECRET_ACCESS_KEY: undefined,
    AWS_SHARED_CREDENTIALS_FILE: file,
    AWS_PROFILE: 'sso',
  };
}

function proxyWithLogin(): string {
  const proxy = new URL(cli.world.proxyUrl);
  proxy.username = 'me';
  proxy.password = encodeURIComponent(passwords.proxy);
  return proxy.href;
}

function writeDockerConfig(folder: string): void {
  const auth = (password: string) => ({ auth: Buffer.from(`me:${password}`).toString('base64') });
  const auths = { 'basic.example.com': auth(passwords.basic), 'bearer.example.com': auth(passwords.bearer) };
  mkdirSync(folder, { mode: 0o700 });
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths }), { mode: 0o600 });
}

describe('no output contains a secret', () => {
  it.each([
    ...[
      'up --dry-run -v',
      'up --dry-run --diff',
      'up --yes -v',
      'up --yes -o json',
      'status -v',
      'status -o json',
      'render',
      'render -o json',
    ],
    ...[
      'config',
      'config -o json',
      'images -v',
      'images -o json',
      'policy power-user',
      'mirror -v',
      'mirror -o json',
    ],
    ...['rotate --yes -v', 'rotate --yes --force -o json', 'status -v', 'down --yes -v', 'up --yes -v'],
  ])('when %s runs', async (line) => {
    const { code, stderr } = await run(line);
    expect(code, stderr).toBe(0);
  });
});

describe('no output contains a secret that an error response repeats', () => {
  const hosts = [
    /^sts\./,
    /^iam\./,
    /^api\.ecr\./,
    /^secretsmanager\./,
    /\.dkr\.ecr\./,
    /^cluster\./,
    /^(basic|bearer)\./,
    /^github\./,
  ];
  const cases = hosts.flatMap((host) =>
    [1, 2, 7].flatMap((from) => ['-v', '-o json'].map((how) => [host.source, from, how, host] as const)),
  );

  it.each(cases)(
    'when %s denies requests from number %i on, and up runs with %s',
    async (_host, from, how, host) => {
      // Every step needs to do something, so that every host gets requests.
      for (const name of [...cli.world.aws.registry.repositories.keys()])
        cli.world.aws.registry.repositories.delete(name);
      cli.world.cluster.delete('Secret', 'puller', 'external-secrets');
      hostile.become(host, from);
      const { code } = await run(`up --yes ${how}`, {
        env: { XDG_CACHE_HOME: join(cli.folder, 'none') },
      });
      expect(code).not.toBe(70);
    },
  );

  it('when a Docker engine returns errors', async () => {
    const engine = createServer((request, response) => {
      planted.addFrom(request);
      response.writeHead(request.url?.endsWith('version') ? 200 : 500, {
        'content-type': 'application/json',
      });
      response.end(
        JSON.stringify({
          Version: '28',
          message: `cannot: ${JSON.stringify(request.headers)} ${planted.sent.join(' ')}`,
        }),
      );
    }).listen(0, '127.0.0.1');
    await once(engine, 'listening');
    const { port } = engine.address() as AddressInfo;
    const line = `mirror basic.example.com/app:1 --engine docker --docker-host tcp://127.0.0.1:${port}`;
    for (const how of ['-v', '-o json']) {
      const { code, stdout, stderr } = await run(`${line} --failed-to failed.txt ${how}`);
      expect(code).toBe(1);
      expect(stdout + stderr).toContain('(secret)');
    }
    engine.close();
  });

  it('when a cluster with a password and a client key denies requests', async () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(awkwardSecret()).toString('base64')}\n-----END PRIVATE KEY-----`;
    planted.add('client key', key);
    const users = [{ name: 'kubernetes-admin', user: { username: 'me', password: passwords.kube } }];
    const file = join(cli.folder, 'password.kubeconfig');
    const config = JSON.parse(readFileSync(cli.site['KUBECONFIG'] ?? '', 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
    hostile.become(/^cluster\./, 1);
    const { stderr } = await run('up --yes -v', { env: { KUBECONFIG: file } });
    expect(stderr).toContain('(secret)');
  });
});

describe('no crash report contains a secret', () => {
  it.each(['up', 'up -v', 'up -v -o json'])('when %s crashes', async (line) => {
    const text = (): string => `a mistake in this program, with ${planted.sent.join(' ')}`;
    const now = (): number => {
      throw new TypeError(text());
    };
    const { code, stdout, stderr } = await run(line, { clock: { ...systemClock, now } });
    expect(code).toBe(70);
    expect(stdout + stderr).toContain('a mistake in this program, with (secret)');
  });
});

describe('no object in memory shows a secret when it is printed', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('neither the configuration, nor the context, nor errors with their causes', async () => {
    for (const [name, value] of Object.entries({ ...cli.site, ...env })) {
      if (name.startsWith('AWS_')) vi.stubEnv(name, value);
    }
    const merged = { ...cli.site, ...env } as Record<string, string>;
    const sink = process.stderr;
    const streams = { stdin: process.stdin, stdout: sink, stderr: sink };
    const { signal } = new AbortController();
    const around = { cwd: cli.folder, env: merged, streams, clock: systemClock, signal, ca: cli.world.caPem };
    const session = openSession('up', {}, around);
    const ctx = await session.context();
    const token = await ctx.aws.ecr.token();
    const pulled = await ctx.cluster.get({
      apiVersion: 'v1',
      kind: 'Secret',
      name: 'puller',
      namespace: 'default',
    });
    expect(pulled).toBeDefined();
    hostile.become(/./, 1);
    const asked = [
      ctx.aws.iam.user('me'),
      ctx.aws.secrets.value('x'),
      ctx.cluster.list({ apiVersion: 'v1', kind: 'Secret' }),
    ];
    const settled = await Promise.allSettled([
      ...asked,
      ctx.aws.ecr.repositories(),
      ctx.operatorSource.load(),
    ]);
    const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    expect(errors.length).toBeGreaterThan(3);
    for (const value of [await session.loaded(), ctx, ctx.aws, ctx.cluster, token, ...errors]) {
      search('inspect', inspect(value, { depth: 12, showHidden: true, getters: true }));
      search('JSON', JSON.stringify(value, withoutCircles()));
    }
    await session.close();
  });
});

/** A replacer for JSON.stringify that leaves out repeated objects. */
function withoutCircles(): (key: string, value: unknown) => unknown {
  const seen = new WeakSet<object>();
  return (_, value) => {
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return undefined;
    seen.add(value);
    return value;
  };
}

describe('written files', () => {
  it('contain no secret and are readable only by their owner', async () => {
    await run('init --project shop --region eu-west-1 -c ecr-bootstrap.new.yaml');
    const written = ['cache', 'none', 'failed.txt', 'ecr-bootstrap.new.yaml'].flatMap((name) =>
      filesIn(join(cli.folder, name)),
    );
    expect(written.length).toBeGreaterThan(3);
    for (const file of written) {
      search(file, readFileSync(file, 'latin1'));
      expect(statSync(file).mode & 0o077, file).toBe(0);
    }
  });
});

function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesIn(join(path, name)));
}

describe('the search for secrets', () => {
  it('covered output in which secrets were masked', () => {
    expect(masked).toBeGreaterThan(30);
  });

  it.each([
    ['plain', (value: string) => value],
    ['JSON', (value: string) => JSON.stringify({ why: value })],
    ['URL', (value: string) => `https://me:${encodeURIComponent(value)}@proxy`],
    ['base64', (value: string) => `data: ${Buffer.from(value).toString('base64')}`],
  ])('finds each secret that is written as %s', (_, write) => {
    expect(planted.size).toBeGreaterThan(20);
    for (const value of planted.values) expect(planted.in(write(value)), value).not.toEqual([]);
  });
});
