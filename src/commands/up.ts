import { type Command, Option } from 'commander';
import { up, type UpOptions } from '../app/up.ts';
import { steps } from '../steps/index.ts';
import { examples, type Launch, list } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--exit-code', 'with --dry-run: exit 3 when the plan is not empty')
    .option('--only <steps>', 'only these steps', list)
    .option('--skip <steps>', 'all but these steps', list)
    .option('-y, --yes', 'do not ask')
    .option('--manifest <file-or-url>', "the operator's official YAML, for when GitHub cannot be reached")
    .addOption(
      new Option('--engine <engine>', 'how images are copied').choices(['auto', 'registry', 'docker']),
    )
    .option('--docker-host <address>', 'Docker engine to use; default: as the docker command finds it')
    .option('--platform <platforms>', 'cluster, all, or a list such as linux/amd64,linux/arm64')
    .action((options: UpOptions) => launch(command, (session) => up(session, options)));
  const width = Math.max(...steps.map((step) => step.id.length));
  command.addHelpText(
    'after',
    `\nSteps, in order:\n${steps.map((step) => `  ${step.id.padEnd(width)}  ${step.title}`).join('\n')}`,
  );
  examples(command, [
    ['ecr-bootstrap up --project myproject --region eu-west-1', 'everything, from nothing'],
    ['ecr-bootstrap up --dry-run', 'only the plan'],
    ['ecr-bootstrap up --only service-accounts', 'after kubeadm upgrade'],
    ['ecr-bootstrap up --yes -o json', 'in a pipeline'],
  ]);
}
