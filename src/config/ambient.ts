import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BootstrapError } from '../errors/index.ts';

/** The region that the AWS configuration files give the profile, if any. */
export function profileRegion(profile: string, env: NodeJS.ProcessEnv): string | undefined {
  const file = env['AWS_CONFIG_FILE'] ?? join(homedir(), '.aws', 'config');
  if (!existsSync(file)) return undefined;
  const wanted = profile === 'default' ? ['default', 'profile default'] : [`profile ${profile}`];
  let inside = false;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const section = /^\s*\[\s*(.+?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) inside = wanted.includes(section.replace(/\s+/g, ' '));
    const region = /^\s*region\s*=\s*(\S+)/.exec(line)?.[1];
    if (inside && region !== undefined) return region;
  }
  return undefined;
}

/**
 * The current context as kubectl finds it. Undefined also for a file that cannot be read: what is wrong with it is
 * told by whoever uses the cluster.
 */
export async function knownContext(kubeconfig: string | undefined): Promise<string | undefined> {
  const { currentContext } = await import('../cluster/kubeconfig.ts');
  try {
    return await currentContext({ kubeconfig });
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return undefined;
  }
}
