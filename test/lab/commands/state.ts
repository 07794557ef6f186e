import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { state } from '../paths.ts';

/**
 * Gives the lab's first process while it runs: everything ends with it, and it leads into the lab's
 * namespaces.
 */
export async function firstProcess(): Promise<number | undefined> {
  const pid = await readFile(join(state, 'pid'), 'utf8').catch(() => '');
  // The number may have gone to another program since.
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name.trim() === 'tini' ? Number(pid) : undefined;
}

/** The same, for what makes no sense without it. @throws Error when the lab does not run */
export async function runningLab(): Promise<number> {
  const pid = await firstProcess();
  if (pid === undefined) throw new Error('the lab does not run; start it with npm run lab:up');
  return pid;
}
