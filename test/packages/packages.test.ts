import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownVersion } from '../../src/core/paths.ts';
import { Installed, pack } from '../support/installed.ts';

const execute = promisify(execFile);

/** The executables are built on Linux, and this machine can run one of them. */
const hasExecutable = process.platform === 'linux' && process.arch === 'x64';

/** The numbers of the processors in the header of an executable, by platform: the ELF specification, e_machine. */
const elfMachines = { 'linux-x64': 62, 'linux-arm64': 183 };

/** PACKAGES=FOLDER tests packages that `npm run pack` has made, as a release does. */
const made = process.env['PACKAGES'];
let folder: string;
let npm: Installed;
beforeAll(async () => {
  folder = made === undefined ? mkdtempSync(join(tmpdir(), 'ecr-bootstrap-packages-')) : resolve(made);
  if (made === undefined) await pack(folder, hasExecutable ? Object.keys(elfMachines) : []);
  npm = await Installed.fromNpm(folder);
});
afterAll(() => {
  npm.remove();
  if (made === undefined) rmSync(folder, { recursive: true });
});

describe('the npm package', () => {
  const packages = (): string => join(npm.folder, 'lib/node_modules');
  const fileOf = (name: string): string => readFileSync(join(packages(), 'ecr-bootstrap', name), 'utf8');

  it('installs one package, which depends on no other and runs no script', () => {
    expect(readdirSync(packages()).filter((name) => !name.startsWith('.'))).toEqual(['ecr-bootstrap']);
    expect(readdirSync(join(packages(), 'ecr-bootstrap'))).not.toContain('node_modules');
    const { repository: _, ...manifest } = JSON.parse(fileOf('package.json')) as Record<string, unknown>;
    const published = ['name', 'version', 'description', 'license', 'type', 'engines', 'bin'];
    expect(Object.keys(manifest)).toEqual(published);
  });

  it('is smaller than 10 MB', () => {
    const files = readdirSync(packages(), { recursive: true, encoding: 'utf8' });
    const sizes = files.map((file) => statSync(join(packages(), file)).size);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(10e6);
  });

  it('bundles only packages that the lockfile lists as dependencies, so that the SBOM has all of them', () => {
    const { packages: locked } = JSON.parse(
      readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
    ) as { readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: true }>> };
    const dependencies = Object.entries(locked)
      .filter(([, { dev }]) => !dev)
      .map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')} ${version}`);
    const bundled = [...fileOf('THIRD_PARTY_LICENSES.txt').matchAll(/^(\S+ \d\S*) \(.+\)$/gm)].map(
      ([, title]) => title,
    );
    expect(bundled).toContainEqual(expect.stringMatching(/^@aws-sdk\/client-ecr /));
    expect(bundled.filter((title = '') => !dependencies.includes(title))).toEqual([]);
  });
});

it('checksums every file for users', () => {
  const names = readdirSync(folder).filter((name) => name !== 'SHA256SUMS');
  const printed = execFileSync('sha256sum', ['--check', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
  expect(printed.trim().split('\n').sort()).toEqual(names.map((name) => `${name}: OK`).sort());
});

it.runIf(hasExecutable)('packs the executable with the licenses of Node and of the bundled packages', () => {
  const archive = join(folder, 'ecr-bootstrap-linux-x64.tar.gz');
  const list = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
  expect(list.sort()).toEqual(['LICENSE', 'THIRD_PARTY_LICENSES.txt', 'ecr-bootstrap']);
  const texts = execFileSync('tar', ['-xzOf', archive, 'THIRD_PARTY_LICENSES.txt'], { encoding: 'utf8' });
  expect(texts).toContain('Node.js is licensed for use as follows');
  expect(texts).toMatch(/^dockerode \d/m);
});

it.runIf(hasExecutable).each(Object.entries(elfMachines))(
  'packs an executable for %s',
  (platform, machine) => {
    const line = ['-xzOf', join(folder, `ecr-bootstrap-${platform}.tar.gz`), 'ecr-bootstrap'];
    const executable = execFileSync('tar', line, { maxBuffer: 500e6 });
    expect(executable.readUInt16LE(18)).toBe(machine);
    expect(executable.includes('NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1')).toBe(true);
  },
);

const ways = [
  ['installed by npm', () => Promise.resolve(npm)],
  ...(hasExecutable ? [['installed by install.sh', () => Installed.byScript(folder)] as const] : []),
] as const;

describe.each(ways)('the program %s', (_, install) => {
  let installed: Installed;
  beforeAll(async () => {
    installed = await install();
  });
  afterAll(() => installed.remove());

  it('prints its version and completion scripts', async () => {
    expect((await execute(installed.program, ['--version'])).stdout).toBe(`${ownVersion()}\n`);
    expect((await execute(installed.program, ['completion', 'bash'])).stdout).toContain('ecr-bootstrap');
  });

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
