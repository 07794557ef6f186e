import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { decodeText } from '../core/decode-text.ts';
import { BootstrapError, reasonOf } from '../core/errors.ts';
import type { GivenReference } from '../images/wanted.ts';
import type { Session } from './session.ts';

/**
 * The references in a file, one per line. Blank lines and `#` comments are skipped.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `reference-invalid` if the file is not text
 */
export async function readReferences(session: Session, file: string): Promise<GivenReference[]> {
  const wantedBy = file === '-' ? 'standard input' : `file ${file}`;
  const content = file === '-' ? await buffer(session.streams.stdin) : readNamedFile(session, file);
  return linesOf(content, wantedBy).flatMap((line, index) => {
    const text = line.replace(/(^|\s)#.*$/, '').trim();
    return text === '' ? [] : [{ text, wantedBy, where: `${wantedBy}, line ${index + 1}` }];
  });
}

function linesOf(content: Buffer, from: string): string[] {
  try {
    return decodeText(content, { fatal: true }).split(/\r?\n/);
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'reference-invalid',
        what: `could not read references from ${from}`,
        why: 'it is not text in UTF-8 or UTF-16',
        hint: 'Pass a text file with one image reference per line.',
      },
      { cause: error },
    );
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
        what: `could not read references from ${file}`,
        why: missing ? 'the file does not exist' : reasonOf(error),
        hint: 'Correct --from-file; `-` reads standard input.',
      },
      { cause: error },
    );
  }
}
