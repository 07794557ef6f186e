import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { containerd, crictl, kubernetes } from '../build/parts.ts';
import { cache, state } from '../paths.ts';
import { product } from './install.ts';
import { runningLab } from './state.ts';

const path = [join(product, 'node_modules/.bin'), ...[kubernetes, containerd, crictl].map(partFolder)].join(
  ':',
);

/**
 * Runs a command as the user of the lab's laptop, and ends with its exit code. Without a command it opens a shell.
 */
export async function exec(command: readonly string[]): Promise<void> {
  const pid = await runningLab();
  const environment = JSON.parse(
    await readFile(join(state, 'laptop/environment.json'), 'utf8'),
  ) as NodeJS.ProcessEnv;
  const namespaces = [`--target=${pid}`, '--mount', '--net', '--pid', `--wd=${process.cwd()}`];
  const wanted = command.length > 0 ? command : ['bash'];
  const child = spawn('nsenter', [...namespaces, '--', ...wanted], {
    stdio: 'inherit',
    // The user of the laptop has another home folder, and so another cache.
    env: {
      ...process.env,
      ...environment,
      ECR_BOOTSTRAP_LAB_CACHE: cache,
      PATH: `${path}:${process.env['PATH'] ?? ''}`,
    },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}
