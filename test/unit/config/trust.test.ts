import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConfigRequest, loadConfig } from '../../../src/config/load.ts';
import { type Cli, openCli } from '../../support/cli.ts';

const name = 'ecr-bootstrap.yaml';
const minimal = 'project: shop\naws: {region: eu-west-1}\n';

let root: string;
let cwd: string;
let file: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'trust-')));
  cwd = join(root, 'clone');
  mkdirSync(cwd);
  file = join(cwd, name);
  writeFileSync(file, minimal);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true });
});

const load = (request: Partial<ConfigRequest> = {}) =>
  loadConfig({ cwd, env: { AWS_CONFIG_FILE: join(root, 'none') }, flags: {}, ...request });

/**
 * Makes the file belong to another user: changes its owner if the test runs as root, else the reported user ID
 * of this process.
 */
function giveAway(path: string, change = chownSync): void {
  const user = process.getuid?.() ?? 0;
  if (user === 0) change(path, 4711, 4711);
  else vi.spyOn(process, 'geteuid').mockReturnValue(user + 1);
}

const untrusted = (why: string) => ({
  code: 'config-untrusted',
  what: 'the configuration ecr-bootstrap.yaml is not trusted',
  why: expect.stringContaining(why) as string,
  hint: expect.stringContaining('-c ecr-bootstrap.yaml') as string,
});

describe.skipIf(process.geteuid === undefined)('a configuration found in the working folder', () => {
  it.each([0o600, 0o644, 0o664])('is read with mode %o', async (mode) => {
    chmodSync(file, mode);
    expect((await load()).config.project).toBe('shop');
  });

  it('is refused when every user can write to it', async () => {
    chmodSync(file, 0o646);
    await expect(load()).rejects.toMatchObject(untrusted('every user of this machine can write to it'));
  });

  it('is refused when it belongs to another user', async () => {
    giveAway(file);
    await expect(load()).rejects.toMatchObject(untrusted('it belongs to another user'));
  });

  it('is checked at the target of a symbolic link', async () => {
    const target = join(root, 'shared.yaml');
    writeFileSync(target, minimal);
    rmSync(file);
    symlinkSync(target, file);
    expect((await load()).config.project).toBe('shop');
    chmodSync(target, 0o666);
    await expect(load()).rejects.toMatchObject(untrusted('every user of this machine can write to it'));
  });

  it.runIf(process.getuid?.() === 0)('is refused when the link belongs to another user', async () => {
    const target = join(root, 'shared.yaml');
    writeFileSync(target, minimal);
    rmSync(file);
    symlinkSync(target, file);
    giveAway(file, lchownSync);
    await expect(load()).rejects.toMatchObject(untrusted('it belongs to another user'));
  });

  it('is refused in a folder where every user can replace it, unless the sticky bit prevents that', async () => {
    chmodSync(cwd, 0o777);
    await expect(load()).rejects.toMatchObject(untrusted(`can replace files in ${cwd}`));
    chmodSync(cwd, 0o1777);
    expect((await load()).config.project).toBe('shop');
  });

  it.each<[string, Partial<ConfigRequest>]>([
    ['-c', { file: name }],
    ['ECR_BOOTSTRAP_CONFIG', { env: { ECR_BOOTSTRAP_CONFIG: name } }],
  ])('is read with any mode when %s names it', async (_origin, request) => {
    chmodSync(file, 0o666);
    expect((await load(request)).config.project).toBe('shop');
  });
});

const withPlugin = (plugin: string): string => `apiVersion: v1
kind: Config
current-context: dev
clusters: [{name: dev, cluster: {server: 'https://127.0.0.1:1'}}]
contexts: [{name: dev, context: {cluster: dev, user: dev}}, {name: safe, context: {cluster: dev, user: safe}}]
users: [{name: dev, user: {${plugin}}}, {name: safe, user: {token: abc}}]
`;
const exec = withPlugin('exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login.sh}');
const oidc = withPlugin('auth-provider: {name: oidc, config: {idp-issuer-url: https://idp.example}}');

describe('a kubeconfig named by a configuration that was only found', () => {
  const naming = (kubeconfig: string, more = ''): void =>
    writeFileSync(file, `${minimal}cluster: {kubeconfig: '${kubeconfig}'${more}}\n`);

  beforeEach(() => writeFileSync(join(cwd, 'kubeconfig'), exec));

  it.each([
    ['by a relative path', () => 'kubeconfig'],
    ['by an absolute path', () => join(cwd, 'kubeconfig')],
    ['in a list with another file', () => `/nowhere/config:${join(cwd, 'kubeconfig')}`],
    ['by a path from home', () => `~/${relative(homedir(), join(cwd, 'kubeconfig'))}`],
  ])('does not run the exec plugin of a file in the same folder, named %s', async (_case, path) => {
    naming(path());
    await expect(load()).rejects.toMatchObject({
      code: 'kubeconfig-untrusted',
      why: expect.stringContaining('its user dev asks for the exec plugin ./login.sh') as string,
      hint: expect.stringMatching(/--kubeconfig \S+` or `-c ecr-bootstrap.yaml`/) as string,
    });
  });

  it('does not run the plugin of a file above it in the same repository', async () => {
    writeFileSync(join(root, 'kubeconfig'), exec);
    naming('../kubeconfig');
    await expect(load()).rejects.toMatchObject({ code: 'kubeconfig-untrusted' });
  });

  it('does not run a plugin that it reaches through a link to the file', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'trust-link-'));
    symlinkSync(join(cwd, 'kubeconfig'), join(elsewhere, 'config'));
    naming(join(elsewhere, 'config'));
    await expect(load()).rejects.toMatchObject({ code: 'kubeconfig-untrusted' });
    rmSync(elsewhere, { recursive: true });
  });

  it.each([
    ['a path from home', () => `~/${relative(homedir(), join(root, 'cwd', 'kubeconfig'))}`],
    ['a path that leaves the folder again', () => join(root, 'cwd', 'up', 'kubeconfig')],
  ])('does not run a plugin that it reaches through a link to the folder, by %s', async (_case, path) => {
    symlinkSync(cwd, join(root, 'cwd'));
    symlinkSync('..', join(cwd, 'up'));
    writeFileSync(join(root, 'kubeconfig'), exec);
    naming(path());
    await expect(load()).rejects.toMatchObject({ code: 'kubeconfig-untrusted' });
  });

  it('runs the plugin of the kubeconfig that kubectl would use', async () => {
    vi.stubEnv('KUBECONFIG', join(cwd, 'kubeconfig'));
    naming('kubeconfig');
    expect((await load()).config.cluster.kubeconfig).toBe(join(cwd, 'kubeconfig'));
    vi.unstubAllEnvs();
  });

  it('sends no token from a token file', async () => {
    writeFileSync(join(cwd, 'kubeconfig'), withPlugin('tokenFile: /home/dev/.token'));
    naming('kubeconfig');
    await expect(load()).rejects.toMatchObject({
      code: 'kubeconfig-untrusted',
      why: expect.stringContaining('the token in /home/dev/.token') as string,
    });
  });

  it('does not use an auth-provider', async () => {
    writeFileSync(join(cwd, 'kubeconfig'), oidc);
    naming('kubeconfig');
    await expect(load()).rejects.toMatchObject({
      code: 'kubeconfig-untrusted',
      why: expect.stringContaining('the auth-provider oidc') as string,
    });
  });

  it('works with a user that needs no plugin', async () => {
    naming('kubeconfig', ', context: safe');
    expect((await load()).config.cluster.context).toBe('safe');
  });

  it('runs plugins when it is in an unrelated folder', async () => {
    const home = mkdtempSync(join(tmpdir(), 'trust-home-'));
    writeFileSync(join(home, 'config'), exec);
    naming(join(home, 'config'));
    expect((await load()).config.cluster.kubeconfig).toBe(join(home, 'config'));
    rmSync(home, { recursive: true });
  });

  it.each<[string, Partial<ConfigRequest>]>([
    ['-c', { file: name }],
    ['--kubeconfig', { flags: { kubeconfig: 'kubeconfig' } }],
    ['ECR_BOOTSTRAP_KUBECONFIG', { env: { ECR_BOOTSTRAP_KUBECONFIG: 'kubeconfig' } }],
  ])('runs plugins when the user gave %s', async (_flag, request) => {
    naming('kubeconfig');
    expect((await load(request)).config.cluster.kubeconfig).toBe(join(cwd, 'kubeconfig'));
  });
});

describe('a command in a cloned folder', () => {
  let cli: Cli;
  beforeAll(async () => void (cli = await openCli()));
  afterAll(() => cli.close());

  it.each(['up --dry-run', 'status', 'images', 'render', 'config'])(
    'ends %s with exit code 2 before the plugin runs',
    async (line) => {
      const marker = join(cli.folder, 'ran');
      const plugin = join(cli.folder, 'login.sh');
      writeFileSync(plugin, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
      const { clusterUrl, caPem, cluster } = cli.world;
      const document = JSON.parse(cluster.kubeconfig(clusterUrl, caPem)) as { users: object[] };
      const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } };
      const users = document.users.map((each) => ({ ...each, user }));
      writeFileSync(join(cli.folder, 'dev.conf'), JSON.stringify({ ...document, users }));
      writeFileSync(join(cli.folder, name), 'cluster: {kubeconfig: dev.conf}\n');
      const env = { KUBECONFIG: undefined, ECR_BOOTSTRAP_CONFIG: undefined };
      const ran = await cli.run(line, { env });
      expect(ran.code).toBe(2);
      expect(ran.stderr).toContain('--kubeconfig dev.conf');
      expect(existsSync(marker)).toBe(false);
    },
  );
});
