import { parseList, type ReferenceList } from '../images/list.ts';
import type { GivenReference } from '../images/wanted.ts';
import { inputName, readInput } from './input-file.ts';
import type { Session } from './session.ts';

/**
 * Reads a file with one reference per line. Blank lines and `#` comments are skipped.
 * @param file a path, or `-` for standard input
 * @throws BootstrapError `file-missing`, or `reference-invalid` if the file is not text
 */
export async function readReferences(
  session: Session,
  file: string,
  flag = '--from-file',
): Promise<ReferenceList<GivenReference>> {
  const wantedBy = inputName(file);
  const content = await readInput(session, {
    file,
    flag,
    what: `could not read references from ${file === '-' ? wantedBy : file}`,
    code: 'reference-invalid',
    hint: 'Pass a text file with one image reference per line.',
  });
  const { references, ...comments } = parseList(content);
  const given = references.map(({ text, line }) => ({ text, wantedBy, where: `${wantedBy}, line ${line}` }));
  return { references: given, ...comments };
}
