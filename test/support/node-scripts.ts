import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The shells of this machine that run the scripts: nodes have dash or bash, the agent's image has busybox. With a socket
 * as input, bash would read `.bashrc`.
 */
export const shells: readonly (readonly string[])[] =
  process.platform === 'linux'
    ? [['sh'], ['bash', '--norc'], ['busybox', 'sh']].filter(
        ([command = '', ...rest]) => spawnSync(command, [...rest, '-c', ':']).status === 0,
      )
    : [];

export interface ScriptRun {
  readonly shell: readonly string[];
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Nothing by default, as under cloud-init. */
  readonly stdin?: string;
  /** Whether standard input stays open after `stdin`, as on a terminal. */
  readonly keepsStdinOpen?: boolean;
}

export interface ScriptResult {
  /** `null` if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script to its end. */
export async function runScript(run: ScriptRun): Promise<ScriptResult> {
  const started = startScript(run);
  return started.result;
}

export interface StartedScript {
  readonly process: ChildProcess;
  readonly result: Promise<ScriptResult>;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
}

/** Starts a script in a process group of its own. */
export function startScript(run: ScriptRun): StartedScript {
  const { shell, script, args = [], env = {}, stdin = '', keepsStdinOpen = false } = run;
  const [command = '', ...rest] = shell;
  const child = spawn(command, [...rest, '-c', script, 'node-access', ...args], {
    env: { PATH: process.env['PATH'], ...env },
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => (output.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output.stderr += data.toString()));
  // A script that does not read its input closes it.
  child.stdin.on('error', () => undefined);
  child.stdin.write(stdin);
  if (!keepsStdinOpen) child.stdin.end();
  const result = new Promise<ScriptResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...output }));
  });
  return { process: child, result, stdout: () => output.stdout, stderr: () => output.stderr };
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'node-scripts-'));

/** Everything below a folder, with types, modes and contents. */
export function treeOf(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted();
  return Object.fromEntries(
    names.map((name) => {
      const path = join(folder, name);
      const status = lstatSync(path);
      const mode = (status.mode & 0o7777).toString(8);
      if (status.isSymbolicLink()) return [name, `link to ${readlinkSync(path)}`];
      if (status.isDirectory()) return [name, `folder ${mode}`];
      return [name, `file ${mode} ${readFileSync(path, 'utf8')}`];
    }),
  );
}
