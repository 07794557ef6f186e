import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { folderOfOthers } from '../../core/paths.ts';
import { quoted } from '../../run/command-line.ts';
import { prepareOutput, writeOutput } from '../../run/output-file.ts';
import type { Runtime } from '../../run/runtime.ts';
import { type Shell, shells } from './words.ts';

/** A line of every script. A file without it was not written by this program. */
export const scriptMark = '# Written by ecr-bootstrap completion.';

/**
 * Writes the script to where the shell finds it, and creates no other file.
 * @param name the shell; by default, the user's login shell
 * @returns what was written, and what to do next
 * @throws BootstrapError `usage`, `file-exists` or `file-unwritable`
 */
export function installScript(
  { env }: Pick<Runtime, 'env'>,
  name: string | undefined,
  scriptOf: (shell: Shell) => string,
): string {
  const shell = chosenShell(env, name);
  const path = scriptFile(shell, env);
  refuseOthersFolder(path);
  const hint = `Write it to another file: ecr-bootstrap completion ${shell} > FILE`;
  refuseOthersFile(path, hint);
  const file = { path, name: path, hint };
  prepareOutput(file);
  writeOutput(file, `${scriptOf(shell)}\n`);
  return `Wrote ${path}.\n${nextStep(shell, path)}`;
}

function chosenShell(env: Runtime['env'], name: string | undefined): Shell {
  const found = name ?? basename(env['SHELL'] ?? '');
  const shell = shells.find((each) => each === found);
  if (shell) return shell;
  throw new BootstrapError({
    code: 'usage',
    what: 'could not choose a shell',
    why:
      name !== undefined
        ? `${name} is not a shell with completion`
        : `SHELL is ${found === '' ? 'not set' : found}`,
    hint: `Name the shell, for example: ecr-bootstrap completion install ${shells[0]}`,
  });
}

/** Where each shell looks for scripts of a user. */
function scriptFile(shell: Shell, env: Runtime['env']): string {
  const home = env['HOME'] || homedir();
  /** A folder of the XDG base directory specification, which ignores relative paths. */
  const xdg = (configured: string | undefined, fallback: string): string =>
    configured !== undefined && isAbsolute(configured) ? configured : join(home, fallback);
  const data = xdg(env['XDG_DATA_HOME'], '.local/share');
  switch (shell) {
    case 'bash': {
      const folder = env['BASH_COMPLETION_USER_DIR'] ?? '';
      return join(
        isAbsolute(folder) ? folder : join(data, 'bash-completion'),
        'completions',
        'ecr-bootstrap',
      );
    }
    case 'zsh':
      return join(data, 'zsh', 'site-functions', '_ecr-bootstrap');
    case 'fish':
      return join(xdg(env['XDG_CONFIG_HOME'], '.config'), 'fish', 'completions', 'ecr-bootstrap.fish');
  }
}

function nextStep(shell: Shell, path: string): string {
  switch (shell) {
    case 'bash':
      return `Next: start a new shell. Without the package bash-completion, add this line to ~/.bashrc:\n  source ${quoted(path)}`;
    case 'zsh':
      return `Next: add these lines to ~/.zshrc, unless they are there, and start a new shell:\n  fpath=(${quoted(dirname(path))} $fpath)\n  autoload -Uz compinit && compinit`;
    case 'fish':
      return 'Next: start a new shell.';
  }
}

function refuseOthersFolder(path: string): void {
  const folder = folderOfOthers(dirname(path));
  if (folder === undefined) return;
  throw new BootstrapError({
    code: 'file-unwritable',
    what: `could not write ${path}`,
    why: `${folder} belongs to another user`,
    hint: 'Run the command as that user, or correct HOME and the XDG variables.',
  });
}

function refuseOthersFile(path: string, hint: string): void {
  if (!existsSync(path)) return;
  const why = contentOf(path).includes(scriptMark)
    ? undefined
    : 'the file exists, and ecr-bootstrap did not write it';
  if (why !== undefined)
    throw new BootstrapError({ code: 'file-exists', what: `could not write ${path}`, why, hint });
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'file-unwritable',
        what: `could not write ${path}`,
        why: reasonOf(error),
        hint: 'Move it to another name.',
      },
      { cause: error },
    );
  }
}
