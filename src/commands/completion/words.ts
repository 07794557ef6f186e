import { Command, type Option } from 'commander';
import { findingCodes } from '../../core/finding-codes.ts';
import { errorCodes } from '../../core/error-codes.ts';
import { subjectTypes } from '../../run/why/subject.ts';
import { steps } from '../../steps/index.ts';
import { hosts, list, type Program } from '../command.ts';
import { helpTopics } from '../help/topics.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;

export type Shell = (typeof shells)[number];

/** A word that can be completed. */
export interface Word {
  readonly word: string;
  readonly about?: string;
}

/** Names that the program lists when the shell asks for them. */
export const programLists = ['contexts', 'profiles'] as const;

export type ProgramList = (typeof programLists)[number];

/** Where the values of a flag or an argument come from. */
export type Values =
  | { readonly from: 'text' }
  | { readonly from: 'files' }
  /** `oci:FOLDER` */
  | { readonly from: 'layouts' }
  | { readonly from: 'program'; readonly list: ProgramList }
  /** @param isList the value is a comma-separated list of the words */
  | { readonly from: 'words'; readonly words: readonly Word[]; readonly isList: boolean };

/** A flag as completion needs it. */
export interface FlagWords {
  /** `-o` and `--output`. */
  readonly names: readonly string[];
  readonly description: string;
  /** Undefined for a flag without a value. */
  readonly values?: Values;
  /** The name of the value in the help. */
  readonly placeholder: string;
  readonly isRepeatable: boolean;
}

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly FlagWords[];
  /** Values of the first argument. */
  readonly argument: Values;
}

/** All commands, flags and values for completion. */
export interface CommandTree {
  readonly commands: readonly CommandWords[];
  /** Flags that every command takes. */
  readonly global: readonly FlagWords[];
}

/** The command whose arguments are another command line. */
export const nesting = 'sandbox';

const text: Values = { from: 'text' };

const words = (all: readonly Word[]): Values => ({ from: 'words', words: all, isList: false });

/** The arguments of the command `completion`. */
export const completionWords: readonly Word[] = [
  ...shells.map((word) => ({ word, about: `print the script for ${word}` })),
  { word: 'install', about: 'write the script to where your shell finds it' },
];

/** Reads the words from the definitions of the commands. */
export async function commandTree(program: Program, root: Command | null): Promise<CommandTree> {
  const { commands } = program;
  const described = await Promise.all(
    commands.map(async ({ name, summary, load }): Promise<CommandWords> => {
      // With a parent, because `sandbox` passes options through.
      const command = new Command().enablePositionalOptions().command(name);
      (await load()).register(command, program);
      return { name, summary, flags: command.options.map(flagWords), argument: argumentOf(name, command) };
    }),
  );
  const names = commands.map(({ name, summary }) => ({ word: name, about: summary }));
  const topics = (root ? helpTopics(root) : []).map(({ name, title }) => ({ word: name, about: title }));
  return {
    commands: [
      ...described,
      { name: 'help', summary: 'print help', flags: [], argument: words([...names, ...topics]) },
    ],
    global: [...(root?.options ?? []).map(flagWords), help],
  };
}

const help: FlagWords = {
  names: ['-h', '--help'],
  description: 'print help',
  placeholder: '',
  isRepeatable: false,
};

const stepWords: readonly Word[] = steps.map(({ id, title }) => ({ word: id, about: title }));

/** Values of flags that the definition of the flag does not list. */
const valuesByFlag: Readonly<Record<string, Values>> = {
  '--only': { from: 'words', words: stepWords, isList: true },
  '--skip': { from: 'words', words: stepWords, isList: true },
  '--context': { from: 'program', list: 'contexts' },
  '--profile': { from: 'program', list: 'profiles' },
};

function flagWords(option: Option): FlagWords {
  const { short, long, description, flags, required, argChoices, parseArg } = option;
  const placeholder = /<([^>]+)>/.exec(flags)?.[1] ?? '';
  const choices = argChoices && words(argChoices.map((word) => ({ word })));
  const other: Values = placeholder.startsWith('file')
    ? { from: 'files' }
    : placeholder === 'oci:folder'
      ? { from: 'layouts' }
      : text;
  return {
    names: [short, long].filter((name) => name !== undefined),
    description,
    placeholder,
    isRepeatable: parseArg === list || parseArg === hosts || /\brepeatable\b/.test(description),
    ...(required ? { values: valuesByFlag[long ?? ''] ?? choices ?? other } : {}),
  };
}

function argumentOf(name: string, command: Command): Values {
  const choices = command.registeredArguments[0]?.argChoices ?? [];
  switch (name) {
    case 'render':
      return words([...stepWords, { word: 'node', about: 'script for nodes that join' }]);
    case 'explain':
      return words(
        Object.entries({ ...findingCodes, ...errorCodes }).map(([word, { about }]) => ({ word, about })),
      );
    case 'why':
      return words(
        subjectTypes.map(({ kind, names: [type] }) => ({ word: `${type}/`, about: `explain a ${kind}` })),
      );
    case 'completion':
      return words(completionWords);
    default:
      return choices.length > 0 ? words(choices.map((word) => ({ word }))) : text;
  }
}

/** All flags, without duplicates across commands. */
export function allFlags({ commands, global }: CommandTree): readonly FlagWords[] {
  const flags = [...global, ...commands.flatMap((command) => command.flags)];
  return [...new Map(flags.map((flag) => [flag.names.join(), flag])).values()];
}

export const namesOf = (flags: readonly FlagWords[]): string[] => flags.flatMap(({ names }) => names);

/** In single quotes for a POSIX shell and zsh. */
export const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
