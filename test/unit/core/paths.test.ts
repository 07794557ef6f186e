import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder, docsPage, docsUrl } from '../../../src/core/paths.ts';
import { openCli } from '../../support/cli.ts';

describe('the cache folder', () => {
  let base: string;
  let folder: string;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'cache-'));
    folder = join(base, 'ecr-bootstrap');
  });
  afterEach(() => rmSync(base, { recursive: true }));

  it('is in XDG_CACHE_HOME, or below the home folder when that is not an absolute path', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: base })).toBe(folder);
    expect(cacheFolder({ XDG_CACHE_HOME: 'cache', HOME: base })).toBe(join(base, '.cache', 'ecr-bootstrap'));
  });

  it('is used with the modes that common umasks give it', () => {
    mkdirSync(folder);
    for (const mode of [0o700, 0o755, 0o775]) {
      chmodSync(folder, mode);
      expect(cacheFolder({ XDG_CACHE_HOME: base })).toBe(folder);
    }
  });

  it.runIf(process.getuid?.() === 0)('is not used when it belongs to another user', () => {
    mkdirSync(folder);
    chownSync(folder, 4711, 4711);
    expect(cacheFolder({ XDG_CACHE_HOME: base })).not.toContain(base);
  });

  it.runIf(process.getuid?.() === 0)(
    'is not created in the home folder of another user, as under sudo',
    () => {
      chownSync(base, 4711, 4711);
      expect(cacheFolder({ HOME: base })).not.toContain(base);
      expect(cacheFolder({ XDG_CACHE_HOME: join(base, 'missing') })).not.toContain(base);
    },
  );

  it('is not needed: commands work when it cannot be created', async () => {
    const cli = await openCli({}, { fast: true });
    try {
      const ran = await cli.run('mirror nginx:1.27', { env: { XDG_CACHE_HOME: '/dev/null' } });
      expect(ran.code, ran.stderr).toBe(0);
    } finally {
      await cli.close();
    }
  });

  it.skipIf(process.geteuid === undefined)(
    'is not used when every user can write to it, and commands work without it',
    async () => {
      mkdirSync(folder);
      chmodSync(folder, 0o777);
      const cli = await openCli({}, { fast: true });
      try {
        const ran = await cli.run('mirror nginx:1.27', { env: { XDG_CACHE_HOME: base } });
        expect(ran.code).toBe(0);
        expect(readdirSync(folder)).toEqual([]);
      } finally {
        await cli.close();
      }
    },
  );
});

describe('a page of the docs', () => {
  it('is a path in a clone of the repository', () => {
    expect(docsUrl('reference/errors.md#locked')).toBeUndefined();
    expect(docsPage('reference/errors.md#locked')).toBe('docs/reference/errors.md#locked');
  });

  it('is a URL at the tag of the version if the package names a repository, as in a release', () => {
    const repository = { url: 'git+https://github.com/owner/ecr-bootstrap.git' };
    expect(docsUrl('reference/errors.md#locked', { version: '1.2.3', repository })).toBe(
      'https://github.com/owner/ecr-bootstrap/blob/v1.2.3/docs/reference/errors.md#locked',
    );
  });
});
