import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { state } from '../paths.ts';
import type { Selection } from '../selection.ts';

/** The lab's first process if it is running. The lab ends with it, and its namespaces are the lab's. */
export async function firstProcess(): Promise<number | undefined> {
  const pid = await readFile(join(state, 'pid'), 'utf8').catch(() => '');
  // Another program may have the process id by now.
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return name.trim() === 'tini' ? Number(pid) : undefined;
}

/** Like {@link firstProcess}, for commands that need a running lab. @throws Error when the lab is not running */
export async function runningLab(): Promise<number> {
  const pid = await firstProcess();
  if (pid === undefined) throw new Error('the lab does not run; start it with npm run lab:up');
  return pid;
}

const selectionFile = join(state, 'versions.json');

/** The versions that the lab was started with, as far as they are not the defaults. */
export async function readSelection(): Promise<Selection> {
  return JSON.parse(await readFile(selectionFile, 'utf8').catch(() => '{}')) as Selection;
}

export const writeSelection = (selection: Selection): Promise<void> =>
  writeFile(selectionFile, JSON.stringify(selection));
