import { Argument, type Command } from 'commander';
import { completion, type Shell, shells } from '../app/completion.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .addArgument(new Argument('<shell>', 'for which shell').choices(shells))
    .action((shell: Shell) => launch(command, (session) => completion(session, shell)));
  examples(command, [
    ['source <(ecr-bootstrap completion bash)', 'in ~/.bashrc'],
    ['ecr-bootstrap completion fish | source', 'in config.fish'],
  ]);
}
