import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { CommandResult } from '../scenarios/world.ts';
import { state } from './paths.ts';

/** The working folder of the user at the laptop. */
export const workingFolder = join(state, 'laptop/site');

/** Everything that ecr-bootstrap has printed in this lab, run by run. */
export const transcript = join(state, 'logs/product.log');

/**
 * Leaves out the settings of these tests, which a user at a laptop does not have. ecr-bootstrap would warn about
 * them.
 */
const own = Object.entries(process.env).filter(([name]) => !name.startsWith('ECR_BOOTSTRAP_LAB_'));

export interface StartedRun {
  readonly ended: Promise<CommandResult>;
  /** Kills the process like a power cut. */
  kill(): void;
}

/** Starts ecr-bootstrap as installed from its package, and records its output. */
export function startProduct(args: readonly string[], env: NodeJS.ProcessEnv = {}): StartedRun {
  const began = Date.now();
  const child = spawn('ecr-bootstrap', args, {
    cwd: workingFolder,
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
