import type { GivenReference } from '../images/wanted.ts';
import { inputName, readInput } from './input-file.ts';
import type { Session } from './session.ts';

/**
 * The references in a file, one per line. Blank lines and `#` comments are skipped.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `reference-invalid` if the file is not text
 */
export async function readReferences(
  session: Session,
  file: string,
  flag = '--from-file',
): Promise<GivenReference[]> {
  const wantedBy = inputName(file);
  const text = await readInput(session, {
    file,
    flag,
    what: `could not read references from ${file === '-' ? wantedBy : file}`,
    code: 'reference-invalid',
    hint: 'Pass a text file with one image reference per line.',
  });
  return text.split(/\r?\n/).flatMap((line, index) => {
    const reference = line.replace(/(^|\s)#.*$/, '').trim();
    return reference === '' ? [] : [{ text: reference, wantedBy, where: `${wantedBy}, line ${index + 1}` }];
  });
}
