import type { Command } from 'commander';
import { rotate, type RotateOptions } from '../run/rotate.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--force', 'for a leaked key: disable every existing key before the new one is created')
    .option('-y, --yes', 'apply without asking; required without a terminal')
    .action((options: RotateOptions) => launch(command, (session) => rotate(session, options)));
  command.addHelpText(
    'after',
    `
Without --force this is routine hygiene, and no pull fails: the old key works
until every namespace has a token of the new one, and is then disabled. The
first up or rotate after 12 hours deletes it. While other clusters of the
project use the old key it stays enabled: run up for each of them, then run
rotate again. An interrupted run continues when you run it again. This is no
answer to a leak: a thief can read the new key with the old one.

With --force every existing key is disabled first. The new key is created when
AWS has refused the disabled key for 30 seconds. Pulls may fail until every
namespace has a new token. Other clusters of the project cannot pull until you
run up for each of them. The old key is deleted even if some namespaces have not
picked up the new one; the run then fails. If the run is interrupted, run up.`,
  );
  examples(command, [
    ['ecr-bootstrap rotate', 'a new access key'],
    ['ecr-bootstrap rotate --dry-run', 'only the plan'],
    ['ecr-bootstrap rotate --force', 'the key has leaked'],
  ]);
}
