import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { algorithmOf, type Digest, digestOf } from './digest.ts';

/** Manifests and configs by digest. Cached content is never requested again. */
export interface ContentCache {
  get(digest: Digest): Promise<Buffer | undefined>;
  /** Never fails, because a cache that cannot be written only costs requests. */
  put(digest: Digest, bytes: Buffer): Promise<void>;
}

/** The folder of the cache for content by digest. */
export const contentFolder = (folder: string): string => join(folder, 'content');

/** A cache on disk, and in memory during the run. Only the user can read the files, because images may be private. */
export function diskCache(folder: string): ContentCache {
  const memory = new Map<Digest, Buffer>();
  const fileOf = (digest: Digest) => join(folder, ...digest.split(':'));
  return {
    get: async (digest) => {
      const known = memory.get(digest);
      if (known) return known;
      const bytes = await read(fileOf(digest), digest);
      if (bytes) memory.set(digest, bytes);
      return bytes;
    },
    put: async (digest, bytes) => {
      if (memory.has(digest)) return;
      memory.set(digest, bytes);
      await write(fileOf(digest), bytes);
    },
  };
}

async function read(file: string, digest: Digest): Promise<Buffer | undefined> {
  let bytes: Buffer;
  try {
    // A few kilobytes, mostly in the system's cache. An asynchronous read takes several times as long.
    bytes = readFileSync(file);
  } catch {
    // Content that is not cached or not readable is fetched.
    return undefined;
  }
  if (digestOf(bytes, algorithmOf(digest)) === digest) return bytes;
  await rm(file, { force: true });
  return undefined;
}

async function write(file: string, bytes: Buffer): Promise<void> {
  const partial = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(partial, bytes, { mode: 0o600, flag: 'wx' });
    await rename(partial, file);
  } catch {
    // A read-only or full disk must not fail a copy, which needs no disk.
    await rm(partial, { force: true }).catch(() => undefined);
  }
}
