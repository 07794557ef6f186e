import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll } from 'vitest';

import { state } from './paths.ts';
import { capture, say } from './process.ts';

/** Lines of each log that are shown. */
const shown = 80;
const logs = join(state, 'logs');

const sizes = new Map<string, number>();
for (const name of existsSync(logs) ? await readdir(logs) : [])
  sizes.set(name, statSync(join(logs, name)).size);

interface Task {
  readonly result?: { readonly state?: string };
  readonly tasks?: readonly Task[];
}

const failed = ({ result, tasks = [] }: Task): boolean => result?.state === 'fail' || tasks.some(failed);

/** What the parts of the lab wrote while this file's scenarios ran, when one of them failed: CI keeps only its output. */
afterAll(async ({}, file: Task) => {
  if (!failed(file)) return;
  for (const name of (await readdir(logs)).sort()) {
    const text = (await readFile(join(logs, name))).subarray(sizes.get(name) ?? 0).toString();
    show(name, text);
  }
  const operator = [
    'logs',
    '--namespace=external-secrets',
    '--selector=app.kubernetes.io/instance=external-secrets',
  ];
  show('operator', await capture('kubectl', [...operator, '--prefix', `--tail=${shown}`]).catch(String));
  show('events', await capture('kubectl', ['get', 'events', '-A', '--sort-by=.lastTimestamp']).catch(String));
  show('pods', await capture('kubectl', ['get', 'pods', '-A', '-o', 'wide']).catch(String));
});

function show(name: string, text: string): void {
  const lines = text.trimEnd().split('\n');
  if (text.trim() !== '') say(`--- ${name}, the last lines\n${lines.slice(-shown).join('\n')}`);
}
