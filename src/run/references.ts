import { incompleteMark } from '../images/list.ts';
import type { GivenReference } from '../images/wanted.ts';
import { inputName, readInput } from './input-file.ts';
import type { Session } from './session.ts';

/** The references in a file, one per line, and what its writer says that it lacks. */
export interface ReferenceList {
  readonly references: readonly GivenReference[];
  readonly lacks: readonly string[];
}

/**
 * Reads a file with one reference per line. Blank lines and `#` comments are skipped.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `reference-invalid` if the file is not text
 */
export async function readReferenceList(
  session: Session,
  file: string,
  flag = '--from-file',
): Promise<ReferenceList> {
  const wantedBy = inputName(file);
  const text = await readInput(session, {
    file,
    flag,
    what: `could not read references from ${file === '-' ? wantedBy : file}`,
    code: 'reference-invalid',
    hint: 'Pass a text file with one image reference per line.',
  });
  const lines = text.split(/\r?\n/);
  return {
    references: lines.flatMap((line, index) => {
      const reference = line.replace(/(^|\s)#.*$/, '').trim();
      return reference === '' ? [] : [{ text: reference, wantedBy, where: `${wantedBy}, line ${index + 1}` }];
    }),
    lacks: lines.flatMap((line) =>
      line.startsWith(incompleteMark) ? [line.slice(incompleteMark.length)] : [],
    ),
  };
}

/** The references of {@link readReferenceList}. */
export const readReferences = async (session: Session, file: string): Promise<readonly GivenReference[]> =>
  (await readReferenceList(session, file)).references;
