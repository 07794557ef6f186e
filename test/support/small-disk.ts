import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Runs a module on a disk of one megabyte, a tmpfs that only its process sees.
 * @param script the module; its arguments are the URL of `file` and the folder of the disk
 * @returns what it printed, or undefined when this machine does not let a test mount a disk
 */
export function runOnSmallDisk(
  script: string,
  file: URL,
): { readonly stdout: string; readonly stderr: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  const run = (...command: readonly string[]) =>
    spawnSync(
      'unshare',
      [
        ...['--map-root-user', '--mount', 'sh', '-c'],
        ...['mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"', 'sh', folder, ...command],
      ],
      { encoding: 'utf8' },
    );
  try {
    if (run('true').status !== 0) return undefined;
    const node = [process.execPath, '--import', import.meta.resolve('tsx'), '--input-type=module'];
    return run(...node, '--eval', script, file.href, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
