import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';

export const describeMachine = (): string => `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}`;

/** The version that a program tells of itself. */
export const versionOf = (program: string): string =>
  /\d+\.\d+[\w.+]*/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown';
