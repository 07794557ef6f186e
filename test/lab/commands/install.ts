import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { root, state } from '../paths.ts';
import { run, say } from '../process.ts';
import { runningLab } from './state.ts';

/** The folder where `ecr-bootstrap` is installed on the laptop. */
export const product = join(state, 'product');

/** Packs this checkout and installs the package on the lab's laptop, as a user would from the registry. */
export async function install(): Promise<void> {
  await runningLab();
  const log = join(state, 'logs/install.log');
  const packed = join(state, 'package');
  await rm(product, { recursive: true, force: true });
  await rm(packed, { recursive: true, force: true });
  await mkdir(packed, { recursive: true });
  await run('npm', ['pack', '--pack-destination', packed], { cwd: root, log });
  const [tarball = ''] = await readdir(packed);
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', '--prefix', product, ...quiet, join(packed, tarball)], { log });
  say(`Installed ${tarball} on the laptop.`);
}
