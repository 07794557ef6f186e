import { existsSync, readFileSync, statSync } from 'node:fs';
import { devNull, homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** This file is in `src/core` or, when it is built, in the one folder `dist`. */
const packageFolder = ['..', '../..']
  .map((path) => new URL(`${path}/`, import.meta.url))
  .find((folder) => existsSync(new URL('package.json', folder)));

/** A file or folder that comes with this program. @param path below the package */
export const packageFile = (path: string): URL => new URL(path, packageFolder);

interface Package {
  readonly version: string;
  /** Only in a published package: the release sets it to the repository that it was built from. */
  readonly repository?: { readonly url: string };
}

const ownPackage = (): Package => JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as Package;

/** The version of this program. */
export const ownVersion = (): string => ownPackage().version;

/**
 * Where the reader finds a page of the docs: at the repository's tag of this version, or in the clone that runs.
 * @param page its path below `docs`, with an anchor if there is one
 */
export function docsPage(page: string, { repository, version }: Package = ownPackage()): string {
  if (!repository) return `docs/${page}`;
  const url = repository.url.replace(/^git\+/, '').replace(/\.git$/, '');
  return `${url}/blob/v${version}/docs/${page}`;
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
