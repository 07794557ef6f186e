import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Hexadecimal. */
export const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

/**
 * Texts kept by name between runs, readable by the user only. Each file begins with its content's checksum, so a
 * torn or altered one counts as absent. The cache only saves time: where it cannot be written, nothing is kept.
 */
export class TextCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(name: string): Promise<string | undefined> {
    const file = await readFile(join(this.#folder, name), 'utf8').catch(absent);
    if (file === undefined) return undefined;
    const end = file.indexOf('\n');
    const content = file.slice(end + 1);
    return file.slice(0, end) === sha256(content) ? content : undefined;
  }

  async write(name: string, content: string): Promise<void> {
    const unfinished = join(this.#folder, `${name}.${randomUUID()}`);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(unfinished, `${sha256(content)}\n${content}`, { mode: 0o600 });
      await rename(unfinished, join(this.#folder, name));
    } catch (error) {
      await rm(unfinished, { force: true }).catch(absent);
      absent(error);
    }
  }
}

/** What a cache meets on read-only, full or foreign file systems, and where nothing has been kept yet. */
const tolerated = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EEXIST']);

function absent(error: unknown): undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!tolerated.has(code)) throw error;
}
