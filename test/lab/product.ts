import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { Run } from '../scenarios/world.ts';
import { state } from './paths.ts';

/** Where the person at the laptop works. */
export const workplace = join(state, 'laptop/site');

/** All that the product has printed in this lab, run by run. */
export const transcript = join(state, 'logs/product.log');

/** What a person at the laptop has not: the settings of these tests, of which the product would warn. */
const own = Object.entries(process.env).filter(([name]) => !name.startsWith('ECR_BOOTSTRAP_LAB_'));

export interface StartedRun {
  readonly ended: Promise<Run>;
  /** Ends it as a power cut does. */
  kill(): void;
}

/** Starts the product as installed from its package, and keeps what it prints. */
export function startProduct(args: readonly string[], env: NodeJS.ProcessEnv = {}): StartedRun {
  const began = Date.now();
  const child = spawn('ecr-bootstrap', args, {
    cwd: workplace,
    env: { ...Object.fromEntries(own), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'close') as Promise<[number | null, string | null]>;
  const end = async () => {
    const [stdout, stderr, [code, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      exit,
    ]);
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    const title = `== ${new Date(began).toISOString()} ecr-bootstrap ${args.join(' ')}`;
    const how = `== ended with ${code ?? signal} after ${seconds} s`;
    await appendFile(transcript, `${title}\n${stderr}${stdout}${how}\n\n`);
    return { code: code ?? 1, stdout, stderr };
  };
  return { ended: end(), kill: () => void child.kill('SIGKILL') };
}
