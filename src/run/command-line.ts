import type { Session } from './session.ts';

/** The given command with further flags, ready to paste into a shell. A dry run becomes a real run. */
export function commandLine({ argv = [], sandbox }: Session, flags: readonly string[]): string {
  const given = argv.filter((word) => !/^(--dry-run|--exit-code)$/.test(word));
  return ['ecr-bootstrap', ...(sandbox ? ['sandbox'] : []), ...given, ...flags].map(quoted).join(' ');
}

const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
