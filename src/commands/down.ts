import type { Command } from 'commander';
import { down, type DownOptions } from '../app/down.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--aws', 'also the access keys, users and policies; needs an administrator')
    .option('--delete-images', 'also the repositories of the project, with all their images')
    .option('--delete-secrets', 'also the secrets in Secrets Manager; they can be restored for 30 days')
    .option('-y, --yes', 'remove without asking; required without a terminal')
    .action((options: DownOptions) => launch(command, (session) => down(session, options)));
  command.addHelpText(
    'after',
    `
Only what up made goes: objects of others stay, and what has to stay because of them is named. With --aws,
--delete-images or --delete-secrets the name of the project has to be typed, and nothing goes while another cluster
is on record, or used the access key within a day as far as AWS tells. A run that was interrupted goes on when it is started again.`,
  );
  examples(command, [
    ['ecr-bootstrap down --dry-run', 'what would go, and the pods that will not pull again'],
    ['ecr-bootstrap down', 'this cluster only'],
    ['ecr-bootstrap down --yes -o json', 'in a pipeline'],
    ['ecr-bootstrap down --aws --delete-images --delete-secrets', 'everything'],
  ]);
}
