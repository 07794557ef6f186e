import { type Command, InvalidArgumentError } from 'commander';
import type { Session, Runtime } from '../run/session.ts';
import { durationGrammar, parseDuration } from '../core/duration.ts';

/** Opens a session with the command's flags and does the work in it; the work resolves to the exit code. */
export type RunCommand = (command: Command, work: (session: Session) => Promise<number>) => Promise<void>;

/** Runs a whole command line to its end, in these surroundings. Resolves to the exit code. */
export type Main = (argv: readonly string[], runtime: Runtime) => Promise<number>;

/** What a command's module exports: adds arguments, flags, examples and the call to a fresh command. */
export interface CommandModule {
  register(command: Command, launch: RunCommand, program: WholeProgram): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loads the module only when the command runs or its help is wanted. */
  readonly load: () => Promise<CommandModule>;
}

/** For commands that run or describe other commands. */
export interface WholeProgram {
  readonly main: Main;
  readonly commands: readonly CommandEntry[];
}

/** For list flags: they repeat or take commas, and never swallow what follows. */
export const list = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...value
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
];

/** For lists of registries. A scheme or a path would never match a host. */
export function hosts(value: string, before?: readonly string[]): readonly string[] {
  const all = list(value.toLowerCase(), before);
  if (all.every((host) => /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/.test(host))) return all;
  throw new InvalidArgumentError('Write HOST or HOST:PORT, for example registry.local:5000.');
}

/** For flags that take a duration. Milliseconds. */
export function duration(text: string): number {
  if (durationGrammar.test(text)) return parseDuration(text);
  throw new InvalidArgumentError('Write it as 90s, 10m or 1h30m.');
}

/** Adds examples below a command's help: command line, then what it does. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): void {
  const width = Math.max(...lines.map(([line]) => line.length));
  const text = lines.map(([line, does]) => `  $ ${line.padEnd(width)}  ${does}`).join('\n');
  command.addHelpText('after', `\nExamples:\n${text}`);
}
