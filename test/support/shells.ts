import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

/** Whether {@link typeInto} can run this shell. It needs a terminal, which `script` provides. */
export const canTypeInto = (shell: string): boolean => isInstalled(shell) && isInstalled('script');

/** The environment of a shell in its own home folder. */
const shellEnvironment = (home: string, path = process.env['PATH']) => ({
  PATH: path,
  HOME: home,
  ZDOTDIR: home,
  TERM: 'xterm',
  LC_ALL: 'C.UTF-8',
});

/**
 * Types lines into an interactive shell on a terminal. Returns its screen.
 * @param start what the shell runs first
 */
export function typeInto(
  shell: 'bash' | 'zsh',
  home: string,
  start: string,
  lines: readonly string[],
  path?: string,
): string {
  const file = join(home, shell === 'zsh' ? '.zshrc' : 'start.bash');
  writeFileSync(file, start);
  const command = shell === 'zsh' ? 'zsh -d -i' : `bash --noprofile --rcfile ${file} -i`;
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: home,
    encoding: 'utf8',
    env: shellEnvironment(home, path),
    input: [...lines, 'exit'].map((line) => `${line}\n`).join(''),
    timeout: 30_000,
  });
  return stdout;
}

/** What fish offers after a line: the candidates, each with its explanation after a tab. */
export function offeredByFish(home: string, start: string, line: string, path?: string): string[] {
  const ask = `${start}\ncomplete -C '${line.replaceAll("'", "\\'")}'`;
  const { stdout } = spawnSync('fish', ['-c', ask], {
    cwd: home,
    encoding: 'utf8',
    env: shellEnvironment(home, path),
  });
  return stdout.split('\n').filter(Boolean);
}
