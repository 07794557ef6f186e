/**
 * A glob of the configuration as a regular expression that JavaScript and CEL (RE2) read alike: `*` is any text
 * without a slash, `?` one character. Names in Kubernetes need no more.
 */
export function globPattern(glob: string): string {
  const text = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return `^${text.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`;
}

export function matchesAny(globs: readonly string[]): (text: string) => boolean {
  const patterns = globs.map((glob) => new RegExp(globPattern(glob)));
  return (text) => patterns.some((pattern) => pattern.test(text));
}
