import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cacheFolder } from '../../../src/places.ts';
import { contentFolder, diskCache } from '../../../src/registry/cache.ts';
import { digestOf } from '../../../src/registry/digest.ts';

const bytes = Buffer.from('content');
const digest = digestOf(bytes);

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'cache-'));
});
afterEach(() => rmSync(base, { recursive: true }));

test('what was put is there for the next run, for its user alone', async () => {
  const folder = contentFolder(cacheFolder({ XDG_CACHE_HOME: base }));
  await diskCache(folder).put(digest, bytes);
  expect(await diskCache(folder).get(digest)).toEqual(bytes);
  const [file] = readdirSync(folder);
  expect(statSync(join(folder, String(file))).mode & 0o777).toBe(0o600);
});

test('content that was changed on disk is not used', async () => {
  const folder = join(base, 'content');
  await diskCache(folder).put(digest, bytes);
  writeFileSync(join(folder, digest.slice(7)), 'changed');
  expect(await diskCache(folder).get(digest)).toBeUndefined();
  expect(readdirSync(folder)).toEqual([]);
});

test('a folder that cannot be written does no harm', async () => {
  writeFileSync(join(base, 'file'), '');
  const cache = diskCache(join(base, 'file', 'below'));
  await cache.put(digest, bytes);
  expect(await cache.get(digest)).toEqual(bytes);
});
