import { type Command, Option } from 'commander';
import { up, type UpOptions } from '../run/up.ts';
import { steps } from '../steps/index.ts';
import { examples, type Launch, list } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--dry-run', 'show the plan and change nothing')
    .option('--exit-code', 'with --dry-run: exit 3 when the plan is not empty')
    .option('--only <steps>', 'only these steps', list)
    .option('--skip <steps>', 'all but these steps', list)
    .option('-y, --yes', 'apply without asking; required without a terminal')
    .option('--adopt <target>', 'make this ours, which exists and is not; as the plan names it', targets)
    .option('--adopt-all', 'make all ours that exists under our names and is not')
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
    ['ecr-bootstrap up --adopt-all', 'after the same was made by hand'],
    ['ecr-bootstrap up --yes -o json', 'in a pipeline'],
  ]);
}

/** Names of targets have commas nowhere, and blanks: each is a flag of its own. */
const targets = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
