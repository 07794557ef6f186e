import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('../../../.ci/lockfile.mjs', import.meta.url));
const committed = fileURLToPath(new URL('../../../package-lock.json', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'lockfile-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const check = (file: string) => spawnSync(process.execPath, [script, file], { encoding: 'utf8' });

function checkPackage(entry: object, path = 'node_modules/one') {
  const file = join(folder, 'package-lock.json');
  writeFileSync(file, JSON.stringify({ packages: { '': { name: 'project' }, [path]: entry } }));
  return check(file);
}

const version = '1.0.0';
const integrity = `sha512-${'A'.repeat(86)}==`;

describe('the check of the lockfile', () => {
  it('accepts the committed lockfile', () => {
    const { status, stdout, stderr } = check(committed);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^\d{3} packages/);
  });

  it('accepts a package with a SHA-512 checksum and no URL', () => {
    expect(checkPackage({ version, integrity })).toMatchObject({ status: 0 });
  });

  it.each([
    ['without a checksum', { version }, 'has no SHA-512 checksum'],
    ['with an empty checksum', { version, integrity: 'sha512-' }, 'has no SHA-512 checksum'],
    [
      'with a second, weaker checksum',
      { version, integrity: `${integrity} sha1-AAAA` },
      'has no SHA-512 checksum',
    ],
    ['with a SHA-1 checksum', { version, integrity: 'sha1-AAAA' }, 'has no SHA-512 checksum'],
    [
      'with a download address',
      { version, integrity, resolved: 'https://packages.example/one.tgz' },
      'has a download address',
    ],
    [
      'from a Git repository',
      { version, resolved: 'git+ssh://git@packages.example/one.git#abc' },
      'has no SHA-512 checksum',
    ],
  ])('refuses a package %s', (_, entry, fault) => {
    const { status, stderr } = checkPackage(entry);
    expect(status).toBe(1);
    expect(stderr).toContain(`node_modules/one ${fault}`);
  });

  it('refuses a nested package without a checksum', () => {
    expect(checkPackage({ version }, 'node_modules/one/node_modules/two')).toMatchObject({ status: 1 });
  });
});
