import { type Command, Option } from 'commander';
import { status, type StatusOptions } from '../run/status.ts';
import { examples, type Launch, list } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .option('--only <steps>', 'only these steps', list)
    .option('--manifest <file-or-url>', "the operator's official YAML, for when GitHub cannot be reached")
    .option('--platform <platforms>', 'cluster, all, or a list such as linux/amd64,linux/arm64')
    .option('--watch', 'look again every 5 seconds until interrupted')
    .option('--wait', 'look again until all is healthy; bound it by --timeout')
    .addOption(
      new Option('--fail-on <level>', 'what makes the exit code 3')
        .choices(['failed', 'warning'])
        .default('failed'),
    )
    .action((options: StatusOptions) => launch(command, (session) => status(session, options)));
  examples(command, [
    ['ecr-bootstrap status', 'health of every part, with what to do'],
    ['ecr-bootstrap status -o json', 'for monitoring; the exit code is 3 when something is wrong'],
    ['ecr-bootstrap status --wait --timeout 10m', 'until everything works'],
  ]);
}
