interface GlobOptions {
  /** `*` and `?` also match a slash. */
  readonly matchSlash?: boolean;
}

/**
 * A glob as a regular expression that JavaScript and CEL (RE2) read alike: `*` matches any text and `?` one character,
 * by default without a slash.
 */
export function globPattern(glob: string, { matchSlash = false }: GlobOptions = {}): string {
  const character = matchSlash ? '[\\s\\S]' : '[^/]';
  const escaped = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return `^${escaped.replaceAll('*', `${character}*`).replaceAll('?', character)}$`;
}

/** Whether a text matches one of the globs. */
export function matchesAny(globs: readonly string[], options?: GlobOptions): (text: string) => boolean {
  const patterns = globs.map((glob) => new RegExp(globPattern(glob, options)));
  return (text) => patterns.some((pattern) => pattern.test(text));
}
