import type { Command } from 'commander';
import { durationArgument, examples, type Program } from './command.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('[command...]', 'command to try, with its flags; without it, a sandbox keeps running')
    .option('--advance <duration>', 'advance the clock of the running sandbox', durationArgument)
    .passThroughOptions()
    .action((words: string[], { advance }: { advance?: number }) => {
      if (words.length > 0 && advance === undefined) return runInSandbox(command, program);
      return program.run(command, async (session) => {
        const sandbox = await import('./sandbox/sandboxed-command.ts');
        return advance === undefined ? sandbox.keepRunning(session) : sandbox.advance(session, advance);
      });
    });
  examples(command, [
    ['ecr-bootstrap sandbox up', 'Try up; nothing is kept'],
    ['ecr-bootstrap sandbox', 'Keep a sandbox running for several commands'],
    ['ecr-bootstrap sandbox --advance 13h', 'Advance the clock, to check that tokens are renewed'],
  ]);
}

/**
 * Passes all flags to the inner command, even those before the word `sandbox`, so that only its reporter
 * prints.
 */
function runInSandbox(command: Command, program: Program): Promise<void> {
  return program.run(
    command,
    async (session) => {
      const { argv = [] } = session;
      const inner = argv.toSpliced(argv.length - (command.parent?.args.length ?? 0), 1);
      return (await import('./sandbox/sandboxed-command.ts')).runSandboxed(session, inner, program.main);
    },
    {},
  );
}
