import type { Session } from './session.ts';

/** The command that was given with further flags, to be pasted into a shell. A dry run becomes the run itself. */
export function commandLine({ argv = [], sandbox }: Session, flags: readonly string[]): string {
  const given = argv.filter((word) => !/^(--dry-run|--exit-code)$/.test(word));
  return ['ecr-bootstrap', ...(sandbox ? ['sandbox'] : []), ...given, ...flags].map(quoted).join(' ');
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
