/** Flags that take a value: what follows one of them is neither a command nor an argument. */
const valued = new Set([
  '--project',
  '--profile',
  '--region',
  '--account-id',
  '--context',
  '--kubeconfig',
  '-c',
  '--config',
  '-o',
  '--output',
  '--timeout',
  '--advance',
]);

const isWord = (argv: readonly string[], index: number): boolean =>
  argv[index]?.startsWith('-') === false && !valued.has(argv[index - 1] ?? '');

const nextWord = (argv: readonly string[], from: number): number =>
  argv.findIndex((_word, index) => index >= from && isWord(argv, index));

/** The command that is asked for, or whose help is. */
export function commandOf(argv: readonly string[]): string | undefined {
  const words = argv.filter((_word, index) => isWord(argv, index));
  return words[0] === 'help' ? words[1] : words[0];
}

/** Whether the answer has to be JSON; told before anything can be wrong with the rest of the line. */
export const wantsJson = (argv: readonly string[]): boolean =>
  argv.some(
    (word, index) =>
      /^(-o=?json|--output=json)$/.test(word) ||
      (word === 'json' && /^(-o|--output)$/.test(argv[index - 1] ?? '')),
  );

/**
 * What follows `sandbox` is a command line of its own. All flags belong to that one, also those before it, so that
 * one reporter and not two has the word.
 */
export function withinSandbox(argv: readonly string[]): string[] {
  const at = nextWord(argv, 0);
  const inner = nextWord(argv, at + 1);
  if (argv[at] !== 'sandbox' || inner < 0) return [...argv];
  return ['sandbox', '--', ...argv.slice(0, at), ...argv.slice(at + 1)];
}
