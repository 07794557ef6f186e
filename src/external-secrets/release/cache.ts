import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';
import { sha256 } from '../../core/sha256.ts';

/**
 * Caches texts by name between runs, in files that only the user can read. Each file begins with the checksum of its
 * content, so an incomplete or modified file counts as absent. A cache that cannot be written is not an error.
 */
export class TextCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(name: string): Promise<string | undefined> {
    const file = await readFile(join(this.#folder, name), 'utf8').catch(ignoreUnusable);
    if (file === undefined) return undefined;
    const end = file.indexOf('\n');
    const content = file.slice(end + 1);
    return file.slice(0, end) === sha256(content) ? content : undefined;
  }

  async write(name: string, content: string): Promise<void> {
    const temporary = join(this.#folder, `${name}.${randomUUID()}`);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(temporary, `${sha256(content)}\n${content}`, { mode: 0o600 });
      await rename(temporary, join(this.#folder, name));
    } catch (error) {
      await rm(temporary, { force: true }).catch(ignoreUnusable);
      ignoreUnusable(error);
    }
  }
}

/** Errors of absent files and of file systems that are read-only, full or owned by another user. */
const ignoredCodes = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EEXIST']);

function ignoreUnusable(error: unknown): undefined {
  if (!ignoredCodes.has(systemCode(error))) throw error;
}
