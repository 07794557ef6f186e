import { Command, Option } from 'commander';
import { commandAliases } from './index.ts';
import { duration, examples, type Program } from './command.ts';
import { ownVersion } from '../core/paths.ts';
import type { GlobalFlags } from '../run/runtime.ts';

/** The complete command line. A command's module is loaded when commander reaches the command. */
export function createProgram(program: Program, stdout: NodeJS.WritableStream): Command {
  const root = new Command('ecr-bootstrap')
    .description('Lets an air-gapped kubeadm cluster pull every image from a private Amazon ECR.')
    .version(ownVersion(), '-V, --version')
    .showSuggestionAfterError()
    .exitOverride()
    // Usage errors are reported like all others.
    .configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: () => undefined })
    // The arguments after `sandbox` are a separate command line.
    .enablePositionalOptions()
    .helpCommand(false);
  examples(root, [
    ['npx ecr-bootstrap sandbox up', 'Try it: no AWS account, no cluster'],
    ['ecr-bootstrap init', 'Write ecr-bootstrap.yaml'],
    ['ecr-bootstrap up --project myproject --region eu-west-1', 'Set up AWS and the cluster'],
    ['ecr-bootstrap mirror nginx:1.28', 'Copy one more image'],
    ['ecr-bootstrap status', 'Show the health of every component'],
  ]);
  addGlobalFlags(root);
  for (const { name, summary } of program.commands) {
    root.command(name).summary(summary).description(capitalized(summary)).optionsGroup('Options:');
  }
  root.hook('preSubcommand', async (_, command) => {
    const entry = program.commands.find(({ name }) => name === command.name());
    if (!entry) return;
    (await entry.load()).register(command, program);
    addGlobalFlags(command, 'Global Options:');
  });
  // Commander's built-in help command would show a command's help without loading the command.
  root.command('help [command]', { hidden: true }).action(async (name?: string) => {
    if (name !== undefined && !program.commands.some((entry) => entry.name === name)) {
      root.error(`unknown command '${name}'`);
    }
    await root.parseAsync([...(name === undefined ? [] : [name]), '--help'], { from: 'user' });
  });
  for (const [alias, line] of Object.entries(commandAliases)) {
    root
      .command(`${alias} [rest...]`, { hidden: true })
      .allowUnknownOption()
      .action(() => root.error(`there is no command ${alias}\nIt is called ecr-bootstrap ${line}.`));
  }
  return root;
}

/** Global flags are allowed before and after the name of a command. */
function addGlobalFlags(command: Command, heading = 'Options:'): void {
  command
    .optionsGroup(heading)
    .option('--project <name>', 'first part of every repository name in ECR')
    .option('--profile <name>', 'AWS profile')
    .option('--region <region>', 'AWS region')
    .option('--account-id <id>', 'abort unless the credentials belong to this account')
    .option('--context <name>', 'kubeconfig context')
    .option('--kubeconfig <file>', 'kubeconfig file')
    .option('-c, --config <file>', 'configuration file (default: ecr-bootstrap.yaml)')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
    .option('-q, --quiet', 'print only the result')
    .option('-v, --verbose', 'list every change and every finding')
    .option('--timeout <duration>', 'give up after this long, for example 90s or 10m', duration)
    .option('--no-color', 'print without color');
}

/** The flags that were given to a command, before and after its name. */
export function flagsOf(command: Command): GlobalFlags {
  const given = [command.parent, command].flatMap((at) =>
    Object.entries(at?.opts() ?? {}).filter(([name]) => at?.getOptionValueSource(name) !== 'default'),
  );
  return Object.fromEntries(given);
}

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
