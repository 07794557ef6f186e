import type { Command } from 'commander';
import { init, type InitOptions } from '../run/init.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--force', 'overwrite the file')
    .action((options: InitOptions) => launch(command, (session) => init(session, options)));
  examples(command, [
    ['ecr-bootstrap init --project myproject', 'write ecr-bootstrap.yaml here'],
    ['ecr-bootstrap init -c clusters/prod.yaml', 'write another file'],
  ]);
}
