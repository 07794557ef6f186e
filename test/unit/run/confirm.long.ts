import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: some tests wait for whole runs. */
const slow = { timeout: 120_000 };

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

const isPlanned = async (line: string): Promise<boolean> =>
  (await cli.run(`${line} --dry-run --exit-code`)).code === 3;
const account = '123456789012';
const cluster = 'kubernetes-admin@sandbox';
/** Removes colors and cursor movements. */
const plain = (text: string): string => text.replace(/\u001b\[[\d;]*[A-Za-z]/g, '');
const remainingInAws = 'up --only power-user';

describe('consent to a plan on a terminal', () => {
  it('names only the account when only steps in AWS are selected, and accepts no as the answer', async () => {
    const { code, stdout, stderr } = await cli.run(remainingInAws, { terminal: { answer: 'n' } });
    expect(code).toBe(1);
    expect(stderr).toContain(`Apply these changes to account ${account}? [y/N] `);
    expect(stdout).toContain('Nothing was changed.');
    expect(stdout + stderr).not.toContain('error');
    expect(await isPlanned(remainingInAws)).toBe(true);
  });

  it.each(['', 'yep', 'no', ' n', undefined])('counts %j as no', async (answer) => {
    const { code } = await cli.run(remainingInAws, { terminal: { answer } });
    expect(code).toBe(1);
    expect(await isPlanned(remainingInAws)).toBe(true);
  });

  it('shows the plan above the question even with -q', async () => {
    const { stderr } = await cli.run(`${remainingInAws} -q`, { terminal: { answer: 'n' } });
    expect(plain(stderr)).toMatch(
      /\+ IAM user power-user[^]*Plan: 3 to create, 0 to update, 0 to delete\.\nApply these changes/,
    );
  });

  it('ends the run when it is interrupted during the question', async () => {
    const interrupt = new AbortController();
    const { code, stdout } = await cli.run(remainingInAws, {
      signal: interrupt.signal,
      terminal: {
        answer: 'y',
        atQuestion: () => {
          interrupt.abort(new Error('stopped'));
          return new Promise((resolve) => setImmediate(resolve));
        },
      },
    });
    expect(code).not.toBe(0);
    expect(stdout).not.toContain('Nothing was changed');
    expect(await isPlanned(remainingInAws)).toBe(true);
  });

  it.each(['y', 'Y', 'yes', ' YES '])('counts %j as yes', async (answer) => {
    cli.world.aws.identities.users.delete('power-user');
    const { code, stderr } = await cli.run(remainingInAws, { terminal: { answer } });
    expect(code, stderr).toBe(0);
    expect(await isPlanned(remainingInAws)).toBe(false);
  });

  it('plans again after the question and applies the new plan', async () => {
    const line = 'up --only repositories';
    expect((await cli.run(`${line} --yes`)).code).toBe(0);
    const { repositories } = cli.world.aws.registry;
    const [name = ''] = repositories.keys();
    repositories.get(name)?.tags.delete('ecr-bootstrap:region');
    const { code, stderr } = await cli.run([...line.split(' '), '--adopt-all'], {
      terminal: {
        answer: 'y',
        atQuestion: () => Promise.resolve(repositories.delete(name)),
      },
    });
    expect(code, stderr).toBe(0);
    expect(repositories.has(name)).toBe(true);
  });

  it(
    'names account and cluster, is also required for repairs, and is not asked for an empty plan',
    slow,
    async () => {
      const first = await cli.run('up', { terminal: { answer: 'y' } });
      expect(first.code, first.stderr).toBe(0);
      const question = `Apply these changes to account ${account} and cluster ${cluster}? [y/N] `;
      expect(first.stderr).toContain(question);
      const idle = await cli.run('up', { terminal: { answer: 'n' } });
      expect(idle).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('Nothing to change.') as string,
      });
      expect(idle.stderr).not.toContain('[y/N]');
      cli.world.cluster.delete('ClusterExternalSecret', 'puller');
      expect((await cli.run('up', { terminal: { answer: 'n' } })).stderr).toContain(question);
      const alone = await cli.run('up --only pull-secret-distribution', { terminal: { answer: 'n' } });
      expect(alone.stderr).toContain(`Apply these changes to cluster ${cluster}? [y/N] `);
      expect((await cli.run('rotate', { terminal: { answer: 'n' } })).stderr).toContain(question);
      const down = await cli.run('down', { terminal: { answer: 'n' } });
      expect(down).toMatchObject({
        code: 1,
        stdout: expect.stringContaining('Nothing was changed.') as string,
      });
      expect(down.stderr).toContain(`Remove ecr-bootstrap from cluster ${cluster}? [y/N] `);
    },
  );

  it.each(['--aws', '--delete-images', '--aws --delete-secrets'])(
    'requires the project name to be typed for down %s',
    async (flag) => {
      const { code, stderr } = await cli.run(`down ${flag}`, { terminal: { answer: 'y' } });
      expect(code).toBe(1);
      expect(stderr).toContain(
        `Remove ecr-bootstrap from account ${account} and cluster ${cluster}? This cannot be undone. Type shop to confirm:`,
      );
    },
  );
});

describe('consent to a plan without a terminal', () => {
  beforeAll(() => void cli.world.aws.identities.users.delete('power-user'));

  it.each([
    ['up', {}],
    ['up --only power-user', {}],
    ['rotate', {}],
    ['down', {}],
    ['down --aws', {}],
    ['up', { ECR_BOOTSTRAP_ACCOUNT_ID: undefined }],
  ])(
    'is missing for %s without --yes, which changes nothing, whether or not the account is configured',
    async (line, env) => {
      const { code, stderr } = await cli.run(line, { env });
      expect(code).toBe(2);
      expect(stderr).toContain(`ecr-bootstrap ${line} --yes`);
      expect(await isPlanned('up')).toBe(true);
    },
  );

  it.each(['up', 'rotate', 'down', 'up --adopt-all'])('is never requested by %s -o json', async (line) => {
    const { code, document } = await cli.json(line, { terminal: { answer: 'y' } });
    expect(code).toBe(2);
    expect(document.error).toMatchObject({ code: 'confirmation-needed', why: '-o json never prompts' });
    expect(document['plan']).toBeDefined();
  });

  it('is not required for mirror, which only adds images', async () => {
    expect((await cli.run('mirror nginx:1.28')).code).toBe(0);
  });
});

/** util-linux's `script` provides a real pseudo-terminal. */
const hasScript = process.platform === 'linux' && existsSync('/usr/bin/script');

describe.skipIf(!hasScript)('the question on a real terminal', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-tty-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function typed(line: string, keys: string): Promise<{ code: number; screen: string }> {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const program = `'${process.execPath}' --import tsx '${join(root, 'src/cli.ts')}'`;
    const child = spawn('script', ['-qec', `${program} ${line}`, '/dev/null'], {
      cwd: root,
      env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder, TERM: 'xterm' },
    });
    let screen = '';
    let isTyped = false;
    child.stdout.on('data', (chunk: Buffer) => {
      screen += chunk.toString();
      if (isTyped || !screen.includes('[y/N]')) return;
      isTyped = true;
      child.stdin.write(keys);
    });
    const [code] = (await once(child, 'exit')) as [number];
    return { code, screen };
  }
  const line = 'sandbox up --only power-user';

  it('is shown on the terminal with the plan while stdout and stderr are redirected', slow, async () => {
    const file = join(folder, 'all');
    const { code, screen } = await typed(`${line} >'${file}' 2>&1`, 'y\r');
    expect(code, screen).toBe(0);
    expect(screen).toMatch(
      /Plan: 3 to create, 0 to update, 0 to delete\.[^]*Apply these changes to account 123456789012\? \[y\/N\]/,
    );
    expect(readFileSync(file, 'utf8')).toContain('IAM user for mirroring images');
  });

  it('counts Ctrl-D as no', slow, async () => {
    const { code, screen } = await typed(line, '\u0004');
    expect(code, screen).toBe(1);
    expect(screen).toContain('Nothing was changed.');
    expect(screen).not.toContain('error');
  });

  it('ends the run with exit code 130 at Ctrl-C', slow, async () => {
    const { code, screen } = await typed(line, '\u0003');
    expect(code, screen).toBe(130);
  });
});
