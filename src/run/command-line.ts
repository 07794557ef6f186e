import type { Session } from './session.ts';

/** The command line of this run with further flags, quoted for a shell. It omits `--dry-run` and `--exit-code`. */
export function commandLine({ argv = [], sandbox }: Session, flags: readonly string[]): string {
  const given = argv.filter((word) => !/^(--dry-run|--exit-code)$/.test(word));
  return ['ecr-bootstrap', ...(sandbox ? ['sandbox'] : []), ...given, ...flags].map(quoted).join(' ');
}

/** A word as a POSIX shell reads it, in quotes only if they are needed. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
