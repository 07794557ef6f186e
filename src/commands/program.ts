import { Command, Option } from 'commander';
import { commandAliases } from './index.ts';
import { type CommandEntry, durationArgument, type Program } from './command.ts';
import { rootHelp } from './help/root.ts';
import { topicText } from './help/topic.ts';
import { helpTopics } from './help/topics.ts';
import { ownVersion } from '../core/paths.ts';
import { closestWord } from '../core/suggestion.ts';
import { Layout, usableWidth } from '../output/layout.ts';
import type { OutputStream } from '../output/reporter.ts';
import type { GlobalFlags } from '../run/runtime.ts';

/** The complete command line. A command's module is loaded when commander reaches the command. */
export function createProgram(program: Program, stdout: OutputStream): Command {
  const width = usableWidth(stdout);
  const root = new Command('ecr-bootstrap')
    .version(ownVersion(), '-V, --version', 'print the version of the program')
    .showSuggestionAfterError()
    .exitOverride()
    // Usage errors are reported like all others.
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      writeErr: () => undefined,
      getOutHelpWidth: () => width,
    })
    // Also explanations of flags on narrow terminals.
    .configureHelp({ minWidthToWrap: 20 })
    // The arguments after `sandbox` are a separate command line.
    .enablePositionalOptions()
    .helpCommand(false);
  root.helpInformation = () => rootHelp(program.commands);
  addGlobalFlags(
    root,
    program.commands.flatMap(({ formats = [] }) => formats),
  );
  for (const { name, summary } of program.commands) {
    root.command(name).summary(summary).description(capitalized(summary));
  }
  root.hook('preSubcommand', async (_, command) => {
    const entry = program.commands.find(({ name }) => name === command.name());
    if (!entry) return;
    (await entry.load()).register(command, program);
    command.addHelpText('after', '\nGlobal flags: ecr-bootstrap help flags');
    addGlobalFlags(command, entry.formats);
    refuseFormat(root, entry);
  });
  // Commander's built-in help command would show a command's help without loading the command.
  root.command('help [topic]', { hidden: true }).action(async (name?: string) => {
    const topic = helpTopics(root).find((each) => each.name === name);
    if (topic) return void stdout.write(`${topicText(topic, new Layout({ width }))}\n`);
    const isCommand = program.commands.some((entry) => entry.name === name);
    if (name !== undefined && !isCommand) refuseTopic(root, name, program);
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

function refuseTopic(root: Command, name: string, { commands }: Program): never {
  const near = closestWord(
    name,
    [...commands, ...helpTopics(root)].map((entry) => entry.name),
  );
  root.error(`unknown command '${name}'${near === undefined ? '' : `\n(Did you mean ${near}?)`}`);
}

const commonFormats = ['text', 'json'];

/** Before the name of a command, the flag is parsed without knowing the command. */
function refuseFormat(root: Command, { name, formats = [] }: CommandEntry): void {
  const { output } = root.opts<{ output: string }>();
  const allowed = [...commonFormats, ...formats];
  if (allowed.includes(output)) return;
  root.error(`${name} has no output format ${output}\nAllowed choices are ${allowed.join(', ')}.`);
}

/** Global flags are allowed before and after the name of a command. The help of a command omits them. */
function addGlobalFlags(command: Command, formats: readonly string[] = []): void {
  const flags = [
    new Option('--project <name>', 'first part of every repository name in ECR'),
    new Option('--profile <name>', 'AWS profile'),
    new Option('--region <region>', 'AWS region'),
    new Option('--account-id <id>', 'abort unless the credentials belong to this account'),
    new Option('--context <name>', 'kubeconfig context'),
    new Option('--kubeconfig <file>', 'kubeconfig file'),
    new Option('-c, --config <file>', 'configuration file (default: ecr-bootstrap.yaml)'),
    new Option('-o, --output <format>', 'output format: text or json (status: also prometheus)')
      .choices([...commonFormats, ...formats])
      .default('text'),
    new Option('-q, --quiet', 'print only the result'),
    new Option('-v, --verbose', 'list every change and every finding'),
    new Option('--timeout <duration>', 'give up after this long, for example 90s or 10m').argParser(
      durationArgument,
    ),
    new Option('--color <when>', 'auto (only on terminals), always or never').choices([
      'auto',
      'always',
      'never',
    ]),
    new Option('--wide', 'do not fit tables to the width of the terminal'),
  ];
  for (const flag of flags) command.addOption(flag.hideHelp());
}

/** The flags that were given to a command, before and after its name. */
export function flagsOf(command: Command): GlobalFlags {
  const given = [command.parent, command].flatMap((at) =>
    Object.entries(at?.opts() ?? {}).filter(([name]) => at?.getOptionValueSource(name) !== 'default'),
  );
  return Object.fromEntries(given);
}

const capitalized = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
