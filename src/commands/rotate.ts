import type { Command } from 'commander';
import { rotate, type RotateOptions } from '../app/rotate.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--force', 'for a leaked key: delete the old one now, whoever still uses it')
    .option('-y, --yes', 'apply without asking; required without a terminal')
    .action((options: RotateOptions) => launch(command, (session) => rotate(session, options)));
  command.addHelpText(
    'after',
    `
The new key is proved before it is stored, and every namespace holds a token of it before the old key is disabled, so
no pull fails meanwhile. It stays enabled until up was run for every other cluster of the project; then run rotate again.
A run that was interrupted goes on when it is started again. The first up or rotate after 12 hours deletes the old key.`,
  );
  examples(command, [
    ['ecr-bootstrap rotate', 'a new access key, as status asks for after 90 days'],
    ['ecr-bootstrap rotate --dry-run', 'only the plan'],
    ['ecr-bootstrap rotate --force --yes', 'the key has leaked'],
  ]);
}
