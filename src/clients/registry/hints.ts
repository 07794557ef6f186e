import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { once } from '../../core/once.ts';

/** A reference in the ECR, `HOST/REPOSITORY:TAG`, that had its image; or a source's host that wanted no login. */
export type Hint = `there ${string}` | `open ${string}`;

/**
 * What earlier runs saw. It is never taken for the truth, only acted on at once: a reference that is likely there is
 * looked up on both sides together, and at a host that is likely open no request waits for the first one to find out.
 * That saves round trips, and costs a request where it is so no more.
 */
export interface Hints {
  has(hint: Hint): Promise<boolean>;
  add(hints: readonly Hint[]): Promise<void>;
  /** It was wrong. */
  forget(hint: Hint): Promise<void>;
}

/** Marks a line that takes an earlier one back: runs that go on at the same time only ever add lines. */
const wrong = '- ';

/** Kept in a file, one a line. A file that cannot be read or written only costs round trips. */
export function hintsFile(file: string): Hints {
  const known = once(async () => parse(await read(file)));
  return {
    has: async (hint) => (await known()).has(hint),
    add: async (hints) => {
      const held = await known();
      const added = hints.filter((hint) => !held.has(hint));
      for (const hint of added) held.add(hint);
      await append(file, added);
    },
    forget: async (hint) => {
      if ((await known()).delete(hint)) await append(file, [wrong + hint]);
    },
  };
}

function parse(text: string): Set<string> {
  const held = new Set<string>();
  for (const line of text.split('\n')) {
    if (line.startsWith(wrong)) held.delete(line.slice(wrong.length));
    else held.add(line);
  }
  return held;
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // Nothing was ever mirrored from here, as far as anybody knows.
    return '';
  }
}

async function append(file: string, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await appendFile(file, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
  } catch {
    // A read-only or full disk must not stop a copy that needs no disk.
  }
}
