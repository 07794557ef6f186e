import { incompleteMark, runningMark } from '../images/list.ts';
import type { GivenReference } from '../images/wanted.ts';
import { inputName, readInput } from './input-file.ts';
import type { Session } from './session.ts';

/** The references in a file, and what its comments say to `--keep`. */
export interface ReferenceList {
  readonly references: readonly GivenReference[];
  /** What the list lacks. */
  readonly lacks: readonly string[];
  /** What containers run, as their runtimes report it. */
  readonly running: readonly string[];
}

/**
 * Reads a file with one reference per line. Blank lines and `#` comments are skipped.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `reference-invalid` if the file is not text
 */
export async function readReferences(
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
  const marked = (mark: string): string[] =>
    lines.flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length)] : []));
  const references = lines.flatMap((line, index) => {
    const reference = line.replace(/(^|\s)#.*$/, '').trim();
    return reference === '' ? [] : [{ text: reference, wantedBy, where: `${wantedBy}, line ${index + 1}` }];
  });
  return { references, lacks: marked(incompleteMark), running: marked(runningMark) };
}
