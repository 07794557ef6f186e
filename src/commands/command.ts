import { type Command, InvalidArgumentError } from 'commander';
import type { GlobalFlags, Runtime } from '../run/runtime.ts';
import type { Session } from '../run/session.ts';
import { durationGrammar, parseDuration } from '../core/duration.ts';

/** An entry in the list of commands. Its module is loaded when the command runs or its help is shown. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Output formats besides text and JSON. */
  readonly formats?: readonly string[];
  readonly load: () => Promise<{
    /** Adds the command's arguments, flags, examples and action. */
    register(command: Command, program: Program): void;
  }>;
}

/** The part of the program that commands use. */
export interface Program {
  readonly commands: readonly CommandEntry[];
  /**
   * Opens a session and runs the command's work in it.
   * @param work resolves to the exit code
   * @param flags by default those of the command
   */
  run(command: Command, work: (session: Session) => Promise<number>, flags?: GlobalFlags): Promise<void>;
  /** Runs a whole command line. Resolves to the exit code. */
  readonly main: (argv: readonly string[], runtime: Runtime) => Promise<number>;
}

/** For flags that take a list: values are separated by commas, or the flag is repeated. */
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

/** For flags that take an OCI image layout: the transport of skopeo, and a folder. */
export function layoutArgument(text: string): string {
  if (/^oci:./.test(text)) return text;
  throw new InvalidArgumentError('Write oci:FOLDER, for example oci:./images.');
}

/** For flags that take a duration. Milliseconds. */
export function durationArgument(text: string): number {
  if (durationGrammar.test(text)) return parseDuration(text);
  throw new InvalidArgumentError('Write it as 90s, 10m or 1h30m.');
}

/** Adds examples to a command's help: command lines, each with a description. */
export function examples(command: Command, lines: readonly (readonly [string, string])[]): void {
  const text = lines.map(([line, does]) => `  # ${does}\n  ${line}`).join('\n\n');
  command.addHelpText('after', `\nExamples:\n${text}`);
}
