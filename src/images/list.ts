/** What a file has that lists references, one per line. */
export interface ReferenceList<T = string> {
  readonly references: readonly T[];
  /** What could not be read when it was written. `--keep` refuses such a list. */
  readonly lacks: readonly string[];
  /** What containers run, as their runtimes report it. An image with this digest is in use, in any repository. */
  readonly running: readonly string[];
}

// For other readers, these lines are comments.
const incompleteMark = '# incomplete: ';
const runningMark = '# running: ';

/** The lines of a list. */
export const formatList = ({ references, lacks, running }: ReferenceList): string[] => [
  ...lacks.map((text) => comment(incompleteMark, text)),
  ...references,
  ...running.map((id) => comment(runningMark, id)),
];

/** On one line: the next one would be read as a reference. */
const comment = (mark: string, text: string): string => `${mark}${text.replace(/\s+/g, ' ')}`;

/** Reads a list, with the line of each reference, from 1. Blank lines and `#` comments are skipped. */
export function parseList(content: string): ReferenceList<{ readonly text: string; readonly line: number }> {
  const lines = content.split(/\r?\n/);
  const marked = (mark: string): string[] =>
    lines.flatMap((line) => (line.startsWith(mark) ? [line.slice(mark.length)] : []));
  const references = lines.flatMap((whole, index) => {
    const text = whole.replace(/(^|\s)#.*$/, '').trim();
    return text === '' ? [] : [{ text, line: index + 1 }];
  });
  return { references, lacks: marked(incompleteMark), running: marked(runningMark) };
}
