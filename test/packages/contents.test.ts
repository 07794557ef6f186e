import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ownVersion } from '../../src/core/paths.ts';
import { Installed } from '../support/installed.ts';
import { elfMachines, hasExecutable } from './platforms.ts';

const folder = inject('packages');

describe('the npm package', () => {
  let npm: Installed;
  beforeAll(async () => {
    npm = await Installed.fromNpm(folder);
  });
  afterAll(() => npm.remove());
  const packages = (): string => join(npm.folder, 'lib/node_modules');
  const fileOf = (name: string): string => readFileSync(join(packages(), 'ecr-bootstrap', name), 'utf8');

  it('installs one package, which depends on no other and runs no script', () => {
    expect(readdirSync(packages()).filter((name) => !name.startsWith('.'))).toEqual(['ecr-bootstrap']);
    expect(readdirSync(join(packages(), 'ecr-bootstrap'))).not.toContain('node_modules');
    const { repository: _, ...manifest } = JSON.parse(fileOf('package.json')) as Record<string, unknown>;
    const published = ['name', 'version', 'description', 'license', 'type', 'engines', 'bin'];
    expect(Object.keys(manifest)).toEqual(published);
  });

  it('replaces an older version, and leaves nothing of it behind', () => {
    const prefix = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-older-'));
    try {
      const older = join(prefix, 'older');
      mkdirSync(older);
      const bin = { 'ecr-bootstrap': 'older.js' };
      writeFileSync(
        join(older, 'package.json'),
        JSON.stringify({ name: 'ecr-bootstrap', version: '0.0.1', bin }),
      );
      writeFileSync(join(older, 'older.js'), '#!/usr/bin/env node\nconsole.log("0.0.1");\n');
      execFileSync('npm', ['pack', '--silent', '--pack-destination', prefix], { cwd: older });
      const versionAfter = (tarball: string): string => {
        const alone = ['--offline', '--cache', join(prefix, 'cache'), '--no-audit', '--no-fund'];
        execFileSync('npm', ['install', '--silent', '--global', '--prefix', prefix, ...alone, tarball]);
        return execFileSync(join(prefix, 'bin/ecr-bootstrap'), ['--version'], { encoding: 'utf8' }).trim();
      };
      expect(versionAfter(join(prefix, 'ecr-bootstrap-0.0.1.tgz'))).toBe('0.0.1');
      expect(versionAfter(join(folder, `ecr-bootstrap-${ownVersion()}.tgz`))).toBe(ownVersion());
      expect(readdirSync(join(prefix, 'lib/node_modules/ecr-bootstrap'))).not.toContain('older.js');
    } finally {
      rmSync(prefix, { recursive: true });
    }
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
