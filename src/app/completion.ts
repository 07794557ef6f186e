import { exitCodes } from '../errors/index.ts';
import type { Session } from './session.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** A flag as completion needs it. */
export interface FlagWords {
  /** `-o` and `--output`. */
  readonly names: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly values: readonly string[];
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagWords[];
  /** Values of the first argument. */
  readonly values: readonly string[];
}

/** Prints the script that completes these commands. */
export async function completion(
  session: Session,
  shell: Shell,
  commands: readonly CommandWords[],
): Promise<number> {
  const text = { bash, zsh, fish }[shell](commands);
  await session.reporter.show({ type: 'text', data: { text } });
  return exitCodes.done;
}

const namesOf = ({ flags }: CommandWords): string[] => flags.flatMap((flag) => flag.names);

/** The flags with a known set of values, each once for all commands. */
function choices(commands: readonly CommandWords[]): [string[], readonly string[]][] {
  const found = new Map<string, [string[], readonly string[]]>();
  for (const flag of commands.flatMap((command) => command.flags)) {
    if (flag.values.length > 0) found.set(flag.names.join(), [[...flag.names], flag.values]);
  }
  return [...found.values()];
}

function bash(commands: readonly CommandWords[]): string {
  const flagCases = choices(commands).map(
    ([names, values]) =>
      `    ${names.join('|')}) COMPREPLY=($(compgen -W "${values.join(' ')}" -- "$word")); return ;;`,
  );
  const commandCases = commands.map(
    (command) => `    ${command.name}) words="${[...command.values, ...namesOf(command)].join(' ')}" ;;`,
  );
  return `_ecr_bootstrap() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words="" name
  case $before in
${flagCases.join('\n')}
    -c|--config|--kubeconfig|--from-file|-f|--manifest|--failed-to) COMPREPLY=($(compgen -f -- "$word")); return ;;
  esac
  for name in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $name in
${commandCases.map((line) => `  ${line.replace(' ;;', '; break ;;')}`).join('\n')}
    esac
  done
  [ -n "$words" ] || words="${commands.map((command) => command.name).join(' ')}"
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _ecr_bootstrap ecr-bootstrap`;
}

/** zsh runs bash's completions by its own adapter. */
function zsh(commands: readonly CommandWords[]): string {
  return `#compdef ecr-bootstrap
autoload -U +X bashcompinit && bashcompinit
${bash(commands)}`;
}

function fish(commands: readonly CommandWords[]): string {
  const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const lines = ['complete -c ecr-bootstrap -f'];
  for (const command of commands) {
    const unused = '__fish_use_subcommand';
    const used = quoted(`__fish_seen_subcommand_from ${command.name}`);
    lines.push(`complete -c ecr-bootstrap -n ${unused} -a ${command.name} -d ${quoted(command.summary)}`);
    if (command.values.length > 0) {
      lines.push(`complete -c ecr-bootstrap -n ${used} -a ${quoted(command.values.join(' '))}`);
    }
    for (const flag of command.flags) {
      const names = flag.names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      );
      const value = flag.takesValue
        ? ` -r${flag.values.length > 0 ? ` -a ${quoted(flag.values.join(' '))}` : ''}`
        : '';
      lines.push(
        `complete -c ecr-bootstrap -n ${used} ${names.join(' ')}${value} -d ${quoted(flag.description)}`,
      );
    }
  }
  return lines.join('\n');
}
