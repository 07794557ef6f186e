import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';

import { partFolder } from '../build/part.ts';
import { parts } from '../build/parts.ts';
import { control } from '../control.ts';
import { root, state } from '../paths.ts';
import { childOf, say } from '../process.ts';
import { selection } from '../versions.ts';
import { down } from './down.ts';
import { firstProcess, readSelection, writeSelection } from './state.ts';

/** Milliseconds, a little more than a slow machine needs. */
const timeoutMs = 180_000;

/**
 * Starts the lab unless it is running with the same versions, and waits until it is ready.
 * @param wanted `second` also starts a second cluster
 * @throws Error when the start fails; the logs are kept
 */
export async function up(wanted: readonly string[]): Promise<void> {
  const isRunning = existsSync(join(state, 'ready')) && (await firstProcess()) !== undefined;
  if (isRunning && isDeepStrictEqual(await readSelection(), selection)) say('The lab runs already.');
  else await start();
  if (wanted.includes('second')) {
    await control('machine', 'POST', '/second-cluster');
    say('The second cluster is ready: --context second.');
  }
}

async function start(): Promise<void> {
  const missing = parts.filter((part) => !existsSync(partFolder(part)));
  if (missing.length > 0)
    throw new Error(
      `${missing.map(({ name, version }) => `${name} ${version}`).join(', ')} not built; run npm run lab:build first`,
    );
  if (process.getuid?.() !== 0) throw new Error('it needs root, for namespaces and mounts');
  await down();
  await mkdir(join(state, 'logs'), { recursive: true, mode: 0o711 });
  say(`Starting the lab; everything about it is in ${state}`);
  await writeSelection(selection);
  const progress = join(state, 'logs/lab.log');
  const output = openSync(progress, 'a');
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
  const supervisor = [process.execPath, '--import', 'tsx', join(root, 'test/lab/inside/main.ts')];
  const child = spawn('unshare', [...namespaces, 'tini', '--', ...supervisor], {
    cwd: root,
    detached: true,
    stdio: ['ignore', output, output],
  });
  await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
  const failed = () => child.exitCode !== null || child.signalCode !== null;
  // The lab ends with its first process, and the process's namespaces are the lab's.
  await writeFile(join(state, 'pid'), String(await childOf(child.pid ?? 0)));

  let shown = 0;
  for (const deadline = performance.now() + timeoutMs; !existsSync(join(state, 'ready')); await sleep(100)) {
    const text = await readFile(progress, 'utf8');
    process.stderr.write(text.slice(shown));
    shown = text.length;
    if (failed()) throw new Error(`it ended while starting; its logs are in ${state}/logs`);
    if (performance.now() > deadline)
      throw new Error(`it was not ready in time; its logs are in ${state}/logs`);
  }
  process.stderr.write((await readFile(progress, 'utf8')).slice(shown));
  child.unref();
}
