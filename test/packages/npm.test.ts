import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Installed } from '../support/installed.ts';

let installed: Installed;
beforeAll(async () => {
  installed = await Installed.fromNpm();
});
afterAll(() => installed.remove());

const packages = (): string => join(installed.folder, 'lib/node_modules');
const fileOf = (name: string): string => readFileSync(join(packages(), 'ecr-bootstrap', name), 'utf8');

describe('the npm package', () => {
  it('installs one package, which depends on no other and runs no script', () => {
    expect(readdirSync(packages()).filter((name) => !name.startsWith('.'))).toEqual(['ecr-bootstrap']);
    expect(readdirSync(join(packages(), 'ecr-bootstrap'))).not.toContain('node_modules');
    const published = ['name', 'version', 'description', 'license', 'type', 'engines', 'bin'];
    expect(Object.keys(JSON.parse(fileOf('package.json')) as object)).toEqual(published);
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
