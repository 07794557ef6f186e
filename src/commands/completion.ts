import { Argument, Command, type Option } from 'commander';
import { steps } from '../steps/index.ts';
import { examples, type Program } from './command.ts';
import { exitCodes } from '../core/errors.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .addArgument(new Argument('<shell>', 'shell that reads the script').choices(shells))
    .action((shell: Shell) =>
      program.run(command, async (session) =>
        completion(session, shell, await allWords(program, command.parent?.options ?? [])),
      ),
    );
  examples(command, [
    ['source <(ecr-bootstrap completion bash)', 'Add to ~/.bashrc'],
    ['ecr-bootstrap completion fish | source', 'Add to config.fish'],
  ]);
}

async function allWords(program: Program, global: readonly Option[]): Promise<CommandTree> {
  const all = await Promise.all(
    program.commands.map(async ({ name, summary, load }) => {
      // With a parent, because `sandbox` passes options through.
      const described = new Command().enablePositionalOptions().command(name);
      (await load()).register(described, program);
      const flags = described.options.map(flagWords);
      return { name, summary, flags, values: argumentValues(name, described, program) };
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

function argumentValues(name: string, command: Command, { commands }: Program): readonly string[] {
  if (name === 'render') return steps.map((step) => step.id);
  if (name === 'sandbox') return commands.map((entry) => entry.name);
  return command.registeredArguments[0]?.argChoices ?? [];
}

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** A flag as completion needs it. */
export interface FlagWords {
  /** `-o` and `--output`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The value is the name of a file. */
  readonly takesFile: boolean;
  readonly values: readonly string[];
  /** The value is a comma-separated list of the values. */
  readonly isList: boolean;
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagWords[];
  /** Values of the first argument. */
  readonly values: readonly string[];
}

/** All commands, flags and values for completion. */
export interface CommandTree {
  readonly commands: readonly CommandWords[];
  /** Flags that every command takes. */
  readonly global: readonly FlagWords[];
}

/** Prints the script that completes these words. */
export async function completion(session: Session, shell: Shell, words: CommandTree): Promise<number> {
  const text = { bash, zsh, fish }[shell](words);
  await session.reporter.show({ type: 'text', data: { text } });
  return exitCodes.done;
}

const namesOf = (flags: readonly FlagWords[]): string => flags.flatMap((flag) => flag.names).join(' ');

/** All flags of this kind, without duplicates across commands. */
function flagsOf({ commands, global }: CommandTree, isOfKind: (flag: FlagWords) => boolean): FlagWords[] {
  const flags = [...global, ...commands.flatMap((command) => command.flags)];
  const found = new Map(flags.map((flag) => [flag.names.join(), flag]));
  return [...found.values()].filter(isOfKind);
}

/** The next word after `sandbox` is a command too, so the search continues there. */
const searchEnd = ({ name }: CommandWords): string => (name === 'sandbox' ? '' : ' break');

const bashChoice = (values: readonly string[]): string =>
  `COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$word"))`;

/** Keeps the text before the last comma. */
const bashList = (values: readonly string[]): string =>
  `[[ $word == *,* ]] && kept=\${word%,*},; COMPREPLY=($(compgen -P "$kept" -W "${values.join(' ')}" -- "\${word##*,}"))`;

function bash(words: CommandTree): string {
  const { commands, global } = words;
  const flagCases = flagsOf(words, ({ values }) => values.length > 0).map(
    ({ names, values, isList }) =>
      `    ${names.join('|')}) ${isList ? bashList(values) : bashChoice(values)}; return ;;`,
  );
  const fileFlags = flagsOf(words, ({ takesFile }) => takesFile).flatMap(({ names }) => names);
  const commandCases = commands.map(
    (command) =>
      `      ${command.name}) values="${command.values.join(' ')}" flags="${namesOf(command.flags)}";${searchEnd(command)} ;;`,
  );
  return `_ecr_bootstrap() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} flags="" kept="" name
  local values="${commands.map((command) => command.name).join(' ')}"
  case $before in
${flagCases.join('\n')}
    ${fileFlags.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  for name in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $name in
${commandCases.map((line) => line.replace('; ;;', ' ;;')).join('\n')}
    esac
  done
  case $word in
    -*) values="$flags ${namesOf(global)}" ;;
    *) values=\${values:-$flags} ;;
  esac
  COMPREPLY=($(compgen -W "$values" -- "$word"))
}
complete -F _ecr_bootstrap ecr-bootstrap`;
}

/** zsh runs bash completions with its own adapter, `bashcompinit`. */
function zsh(words: CommandTree): string {
  return `#compdef ecr-bootstrap
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`;
}

function fish({ commands, global }: CommandTree): string {
  const names = commands.map((command) => command.name).join(' ');
  const lines = ['complete -c ecr-bootstrap -f', ...global.map((flag) => fishFlag(flag))];
  for (const command of commands) {
    const unused = quoted(`not __fish_seen_subcommand_from ${names}; or __fish_seen_subcommand_from sandbox`);
    const used = quoted(`__fish_seen_subcommand_from ${command.name}`);
    lines.push(`complete -c ecr-bootstrap -n ${unused} -a ${command.name} -d ${quoted(command.summary)}`);
    if (command.values.length > 0 && command.name !== 'sandbox') {
      lines.push(`complete -c ecr-bootstrap -n ${used} -a ${quoted(command.values.join(' '))}`);
    }
    lines.push(...command.flags.map((flag) => fishFlag(flag, used)));
  }
  return lines.join('\n');
}

function fishFlag(flag: FlagWords, condition?: string): string {
  const { names, description } = flag;
  const spelt = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const when = condition === undefined ? '' : ` -n ${condition}`;
  return `complete -c ecr-bootstrap${when} ${spelt.join(' ')}${fishValue(flag)} -d ${quoted(description)}`;
}

/** Without `-x`, fish suggests files for every value. */
function fishValue({ takesValue, takesFile, values, isList }: FlagWords): string {
  if (!takesValue) return '';
  if (takesFile) return ' -r -F';
  if (values.length === 0) return ' -x';
  const words = values.join(' ');
  return ` -x -a ${quoted(isList ? `(__fish_complete_list , "string split ' ' '${words}'")` : words)}`;
}

const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
