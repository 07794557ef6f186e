import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownVersion } from '../../src/core/paths.ts';
import { Installed } from '../support/installed.ts';
import { canTypeInto, isInstalled, offeredByFish, typeInto } from '../support/shells.ts';
import { hasExecutable } from './platforms.ts';

const execute = promisify(execFile);
const folder = inject('packages');

const ways = [
  ['npm', false, () => Installed.fromNpm(folder)],
  ...(hasExecutable ? [['install.sh', true, () => Installed.byScript(folder)] as const] : []),
] as const;

/** With the context `prod`, whose API server is not there. */
const kubeconfig = {
  'current-context': '',
  contexts: [{ name: 'prod', context: { cluster: 'prod', user: 'admin' } }],
  clusters: [{ name: 'prod', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'admin', user: { token: 'token' } }],
};
/** Three words to complete. The program itself lists the last one. */
const typed = 'ecr-bootstrap vers\t-o js\t--context pr\t';
/** What the completed command prints in its JSON. */
const printed = '"problem": "could not reach the Kubernetes API at https://127.0.0.1:1';

describe.each(ways)('the program installed by %s', (_, singleFile, install) => {
  let installed: Installed;
  let home: string;
  beforeAll(async () => {
    installed = await install();
    home = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-home-'));
    mkdirSync(join(home, '.kube'));
    writeFileSync(join(home, '.kube/config'), JSON.stringify(kubeconfig));
  });
  afterAll(() => {
    installed.remove();
    rmSync(home, { recursive: true });
  });
  const path = (): string => [dirname(installed.program), process.env['PATH']].join(delimiter);
  const run = (...args: string[]) =>
    execute(installed.program, args, { env: { PATH: process.env['PATH'], HOME: home } });

  it('prints its version', async () => {
    expect((await run('--version')).stdout).toBe(`${ownVersion()}\n`);
    expect(JSON.parse((await run('version', '-o', 'json')).stdout)).toMatchObject({
      version: { program: ownVersion(), singleFile, platform: `${process.platform}/${process.arch}` },
    });
  });

  it.each([
    ['help environment', 'HTTPS_PROXY'],
    ['help exit-codes', '130'],
    ['help flags', '--kubeconfig'],
    ['explain key-old', 'ecr-bootstrap rotate'],
  ])('prints `%s`', async (line, part) => {
    expect((await run(...line.split(' '))).stdout).toContain(part);
  });

  it.skipIf(!canTypeInto('bash'))('completes in bash after `completion install`', async () => {
    await run('completion', 'install', 'bash');
    const file = join(home, '.local/share/bash-completion/completions/ecr-bootstrap');
    expect(typeInto('bash', home, `source ${file}`, [typed], path())).toContain(printed);
  });

  it.skipIf(!canTypeInto('zsh'))('completes in zsh after `completion install`', async () => {
    await run('completion', 'install', 'zsh');
    const start = `fpath=(${home}/.local/share/zsh/site-functions $fpath)\nautoload -Uz compinit && compinit -u`;
    expect(typeInto('zsh', home, start, [typed], path())).toContain(printed);
  });

  it.skipIf(!isInstalled('fish'))('completes in fish after `completion install`', async () => {
    await run('completion', 'install', 'fish');
    expect(offeredByFish(home, '', 'ecr-bootstrap vers', path())).toEqual([
      'version\tprint the versions of the program and the cluster',
    ]);
    expect(offeredByFish(home, '', 'ecr-bootstrap --context ', path())).toEqual([
      expect.stringMatching(/^prod\b/),
    ]);
  });

  it.runIf(process.geteuid?.() === 0)(
    'works for a user who can write neither HOME nor the XDG folders',
    async () => {
      const [uid, closed] = [65_534, join(home, 'closed')];
      mkdirSync(closed, { mode: 0o700 });
      for (const each of [home, installed.folder]) chmodSync(each, 0o755);
      const env = { PATH: process.env['PATH'], HOME: home, XDG_RUNTIME_DIR: closed, XDG_CACHE_HOME: closed };
      const user = { uid, gid: uid, cwd: home, env };
      const { stdout } = await execute(installed.program, ['sandbox', 'up', '--yes'], user);
      expect(stdout).toMatch(/^Done\b/m);
      expect(readdirSync(closed)).toEqual([]);
    },
  );

  it('mirrors an image into a sandbox, configures it, and reports it as healthy', async () => {
    const sandbox = await installed.sandbox();
    try {
      for (const line of ['mirror nginx:1.27', 'up --yes', 'status']) {
        const { code, output } = await sandbox.run(line);
        expect(code, `${line}: ${output}`).toBe(0);
      }
    } finally {
      await sandbox.close();
    }
  });
});
