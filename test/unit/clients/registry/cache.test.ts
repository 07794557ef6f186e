import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../../../src/core/paths.ts';
import { contentFolder, diskCache } from '../../../../src/clients/registry/cache.ts';
import { digestOf } from '../../../../src/clients/registry/digest.ts';

const bytes = Buffer.from('content');

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'cache-'));
});
afterEach(() => rmSync(base, { recursive: true }));

describe.each(['sha256', 'sha512'] as const)('content cached by its %s digest', (algorithm) => {
  const digest = digestOf(bytes, algorithm);

  it('is available to the next run, and readable only by its user', async () => {
    const folder = contentFolder(cacheFolder({ XDG_CACHE_HOME: base }));
    await diskCache(folder).put(digest, bytes);
    expect(await diskCache(folder).get(digest)).toEqual(bytes);
    const [file] = readdirSync(join(folder, algorithm));
    expect(statSync(join(folder, algorithm, String(file))).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, algorithm)).mode & 0o777).toBe(0o700);
  });

  it('is not used after it was changed on disk', async () => {
    const folder = join(base, 'content');
    await diskCache(folder).put(digest, bytes);
    writeFileSync(join(folder, ...digest.split(':')), 'changed');
    expect(await diskCache(folder).get(digest)).toBeUndefined();
    expect(readdirSync(join(folder, algorithm))).toEqual([]);
  });
});

describe('a cache folder that cannot be written', () => {
  it('does not fail the run', async () => {
    writeFileSync(join(base, 'file'), '');
    const cache = diskCache(join(base, 'file', 'below'));
    const digest = digestOf(bytes);
    await cache.put(digest, bytes);
    expect(await cache.get(digest)).toEqual(bytes);
  });
});
