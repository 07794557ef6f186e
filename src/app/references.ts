import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { BootstrapError, reasonOf } from '../errors/index.ts';
import { parseReference } from '../images/reference.ts';
import type { Session } from './session.ts';

/** A reference that somebody wrote, and where. */
export interface Written {
  readonly text: string;
  readonly wantedBy: string;
}

/**
 * The references in a file, one a line; blank lines and `#` comments are passed over.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `reference-invalid` that names the line
 */
export async function readReferences(session: Session, file: string): Promise<Written[]> {
  const wantedBy = file === '-' ? 'standard input' : `file ${file}`;
  const content = file === '-' ? await buffer(session.streams.stdin) : readNamedFile(session, file);
  return linesOf(content, wantedBy).flatMap((line, index) => {
    const text = line.replace(/(^|\s)#.*$/, '').trim();
    if (text === '') return [];
    refuseMalformed(text, `${wantedBy}, line ${index + 1}`);
    return [{ text, wantedBy }];
  });
}

function linesOf(content: Buffer, from: string): string[] {
  try {
    // Takes away a byte order mark, as editors on Windows write it.
    return new TextDecoder('utf-8', { fatal: true }).decode(content).split(/\r?\n/);
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'reference-invalid',
        what: `read references from ${from}`,
        why: 'it is not text in UTF-8',
        hint: 'Give a text file with one image reference a line.',
      },
      { cause: error },
    );
  }
}

function refuseMalformed(text: string, where: string): void {
  try {
    parseReference(text);
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    const { code, what, why, hint } = error;
    throw new BootstrapError({ code, what: `${where}: ${what}`, why, hint }, { cause: error });
  }
}

function readNamedFile({ cwd }: Session, file: string): Buffer {
  try {
    return readFileSync(resolve(cwd, file));
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new BootstrapError(
      {
        code: 'file-missing',
        what: `read references from ${file}`,
        why: missing ? 'there is no such file' : reasonOf(error),
        hint: 'Check --from-file; - reads standard input.',
      },
      { cause: error },
    );
  }
}
