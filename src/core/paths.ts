import { existsSync, readFileSync, statSync } from 'node:fs';
import { devNull, homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** This file is in `src/core` or, when it is built, in the one folder `dist`. */
const packageFolder = ['..', '../..']
  .map((path) => new URL(`${path}/`, import.meta.url))
  .find((folder) => existsSync(new URL('package.json', folder)));

/** A file or folder that comes with this program. @param path below the package */
export const packageFile = (path: string): URL => new URL(path, packageFolder);

/** The version of this program. */
export function ownVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}

/**
 * Where what saves time is kept between runs, by the XDG base directory specification. Compiled code is among it, so a folder
 * that another user could have filled is not used: nothing can be kept or found at the path that stands in for it.
 */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const configured = env['XDG_CACHE_HOME'] ?? '';
  const base = isAbsolute(configured) ? configured : join(env['HOME'] || homedir(), '.cache');
  const folder = join(base, 'ecr-bootstrap');
  return isOpenToOthers(folder) ? join(devNull, 'ecr-bootstrap') : folder;
}

/** A folder that does not exist will be created for this user alone. */
function isOpenToOthers(folder: string): boolean {
  const user = process.geteuid?.();
  if (user === undefined) return false;
  try {
    const { uid, mode } = statSync(folder);
    return (uid !== user && uid !== 0) || (mode & 0o002) !== 0;
  } catch {
    // It does not exist, or this user cannot reach it: every cache copes with that.
    return false;
  }
}
