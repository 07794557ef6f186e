import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

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

/** In YAML as in JSON. */
const currentGrammar = /(?:^|[{,\s])["']?current-context["']?\s*:\s*["']?([^"'\s#,}]+)/m;

/** The `current-context` of the first kubeconfig file that names one. */
export function currentContext(kubeconfig: string | undefined): string | undefined {
  const files = kubeconfig ? kubeconfig.split(':') : [join(homedir(), '.kube', 'config')];
  for (const file of files) {
    if (!file || !existsSync(file)) continue;
    const context = currentGrammar.exec(readFileSync(file, 'utf8'))?.[1];
    if (context !== undefined) return context;
  }
  return undefined;
}
