import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { once } from '../../once.ts';

/**
 * References in the ECR that gave their image when they were last seen. Only a hint, and never taken for the truth: a
 * reference that is likely there is looked up at its source at the same time, which saves a round trip, and costs a
 * request where it is gone.
 */
export interface Arrived {
  /** @param target `HOST/REPOSITORY:TAG` */
  has(target: string): Promise<boolean>;
  add(targets: readonly string[]): Promise<void>;
}

/** Kept in a file, one a line. A file that cannot be read or written only costs round trips. */
export function arrivedFile(file: string): Arrived {
  const known = once(async () => new Set((await read(file)).split('\n')));
  return {
    has: async (target) => (await known()).has(target),
    add: async (targets) => {
      const held = await known();
      const added = targets.filter((target) => !held.has(target));
      if (added.length === 0) return;
      for (const target of added) held.add(target);
      await append(file, added.map((target) => `${target}\n`).join(''));
    },
  };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // Nothing was ever mirrored from here, as far as anybody knows.
    return '';
  }
}

async function append(file: string, lines: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await appendFile(file, lines, { mode: 0o600 });
  } catch {
    // A read-only or full disk must not stop a copy that needs no disk.
  }
}
