import type { Command } from 'commander';
import { down, type DownOptions } from '../run/down.ts';
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
Removes only what up created. Other objects stay, and so does what they need;
the output lists it. With --aws, --delete-images or --delete-secrets you type
the project's name to confirm, and the command refuses to run while another
cluster of the project is registered. To resume an interrupted run, run the same
command again.`,
  );
  examples(command, [
    ['ecr-bootstrap down --dry-run', 'what would go, and the pods that will not pull again'],
    ['ecr-bootstrap down', 'this cluster only'],
    ['ecr-bootstrap down --yes -o json', 'in a pipeline'],
    ['ecr-bootstrap down --aws --delete-images --delete-secrets', 'everything'],
  ]);
}
