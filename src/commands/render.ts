import type { Command } from 'commander';
import { render } from '../run/render.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .argument('[step]', 'only the objects of this step')
    .option('--manifest <file-or-url>', "the operator's official YAML, for when GitHub cannot be reached")
    .action((step: string | undefined) => launch(command, (session) => render(session, step)));
  examples(command, [
    ['ecr-bootstrap render', 'all YAML that up applies'],
    ['ecr-bootstrap render operator > operator.yaml', "the patched operator's objects"],
  ]);
}
