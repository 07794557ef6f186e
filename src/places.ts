import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** `src` and, when it is built, the one folder `dist` lie right in the package. */
const packageFolder = new URL('..', import.meta.url);

/** A file or folder that comes with this program. @param path below the package */
export const packageFile = (path: string): URL => new URL(path, packageFolder);

/** The version of this program. */
export function ownVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

/** Where what saves time is kept between runs, by the XDG base directory specification. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const base = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return join(base, 'ecr-bootstrap');
}
