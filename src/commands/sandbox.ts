import type { Command } from 'commander';
import { duration, examples, type RunCommand, type WholeProgram } from './launch.ts';

export function register(command: Command, launch: RunCommand, { main }: WholeProgram): void {
  command
    .argument('[command...]', 'command to try, with its flags; without it, a sandbox keeps running')
    .option('--advance <duration>', 'let time pass in the running sandbox', duration)
    .action((words: string[], { advance }: { advance?: number }) =>
      launch(command, async (session) => {
        const sandbox = await import('./sandbox/rehearse.ts');
        if (advance !== undefined) return sandbox.advance(session, advance);
        return words.length > 0 ? sandbox.rehearse(session, words, main) : sandbox.keepRunning(session);
      }),
    );
  examples(command, [
    ['ecr-bootstrap sandbox up', 'try up; nothing is kept'],
    ['ecr-bootstrap sandbox', 'keep a sandbox running for several commands'],
    ['ecr-bootstrap sandbox --advance 13h', 'check that tokens were renewed'],
  ]);
}
