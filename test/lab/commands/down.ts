import { existsSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { state } from '../paths.ts';
import { say } from '../process.ts';
import { firstProcess } from './state.ts';

const controlGroups = '/sys/fs/cgroup';
/** The control group of all containers that containerd runs for Kubernetes. */
const containersGroup = 'k8s.io';

/** Stops the lab and deletes everything except the cache of built parts. */
export async function down(): Promise<void> {
  const pid = await firstProcess();
  if (pid !== undefined) {
    process.kill(pid, 'SIGKILL');
    while (existsSync(`/proc/${pid}`)) await sleep(50);
  }
  // Version 1 has a tree for each controller, version 2 has one tree.
  const trees = (await readdir(controlGroups)).map((name) => join(controlGroups, name));
  for (const tree of [controlGroups, ...trees]) {
    await removeGroup(join(tree, containersGroup));
  }
  const existed = existsSync(state);
  await rm(state, { recursive: true, force: true });
  if (existed) say('The lab is gone.');
}

/**
 * Control groups look like folders, but each must be removed alone, from the leaves, once its last process has
 * ended.
 */
async function removeGroup(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  }
  await rmdir(folder);
}
