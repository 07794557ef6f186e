import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll } from 'vitest';

import { kubectlAt } from './kubectl.ts';
import { clusters } from './names.ts';
import type { ClusterNames } from './names.ts';
import { kubeconfigOf, state } from './paths.ts';
import { say } from './process.ts';

/** The number of lines to show of each log. */
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

/** Shows what the lab logged during this file's scenarios when one of them failed. CI keeps only this output. */
afterAll(async ({}, file: Task) => {
  if (!failed(file)) return;
  for (const name of (await readdir(logs)).sort()) {
    const text = (await readFile(join(logs, name))).subarray(sizes.get(name) ?? 0).toString();
    show(name, text);
  }
  for (const cluster of Object.values(clusters)) {
    if (existsSync(kubeconfigOf(cluster, 'admin'))) await showCluster(cluster);
  }
});

async function showCluster(cluster: ClusterNames): Promise<void> {
  const kubectl = kubectlAt(cluster);
  const showOutput = async (what: string, ...args: string[]) => {
    // An unreachable cluster must not hide the other logs.
    show(
      `${what} of the ${cluster.name} cluster`,
      await kubectl(['--request-timeout=10s', ...args]).catch(String),
    );
  };
  const ofOperator = [
    '--namespace=external-secrets',
    '--selector=app.kubernetes.io/instance=external-secrets',
  ];
  await showOutput('operator', 'logs', ...ofOperator, '--prefix', `--tail=${shown}`);
  await showOutput('events', 'get', 'events', '-A', '--sort-by=.lastTimestamp');
  await showOutput('pods', 'get', 'pods', '-A', '-o', 'wide');
}

function show(name: string, text: string): void {
  const lines = text.trimEnd().split('\n');
  if (text.trim() !== '') say(`--- ${name}, the last lines\n${lines.slice(-shown).join('\n')}`);
}
