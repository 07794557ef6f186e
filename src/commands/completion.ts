import { Argument, Command, type Option } from 'commander';
import { completion, type FlagWords, type Shell, shells, type Words } from '../run/completion.ts';
import { steps } from '../steps/index.ts';
import { commands } from './index.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .addArgument(new Argument('<shell>', 'for which shell').choices(shells))
    .action((shell: Shell) =>
      launch(command, async (session) =>
        completion(session, shell, await allWords(command.parent?.options ?? [])),
      ),
    );
  examples(command, [
    ['source <(ecr-bootstrap completion bash)', 'in ~/.bashrc'],
    ['ecr-bootstrap completion fish | source', 'in config.fish'],
  ]);
}

async function allWords(global: readonly Option[]): Promise<Words> {
  const all = await Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const described = new Command(name);
      (await load()).define(described, () => Promise.resolve());
      const flags = described.options.map(flagWords);
      return { name, summary, flags, values: argumentValues(name, described) };
    }),
  );
  return { commands: all, global: global.map(flagWords) };
}

function flagWords(option: Option): FlagWords {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const isList = option.long === '--only' || option.long === '--skip';
  const values = isList ? steps.map((step) => step.id) : (option.argChoices ?? []);
  const { description, flags, required: takesValue } = option;
  return { names, description, takesValue, takesFile: /<file\b/.test(flags), values, isList };
}

function argumentValues(name: string, command: Command): readonly string[] {
  if (name === 'render') return steps.map((step) => step.id);
  if (name === 'sandbox') return commands.map((entry) => entry.name);
  return command.registeredArguments[0]?.argChoices ?? [];
}
