import { existsSync, readFileSync, statSync } from 'node:fs';
import { devNull, homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import { once } from './once.ts';

/** This file is in `src/core` or, after a build, in the single folder `dist`. */
const packageFolder = once(() =>
  ['..', '../..']
    .map((path) => new URL(`${path}/`, import.meta.url))
    .find((folder) => existsSync(new URL('package.json', folder))),
);

/** The text of a file of this package. A single executable contains the files. @param path relative to the package */
export const readPackageFile = (path: string): string =>
  isSea() ? getAsset(path, 'utf8') : readFileSync(new URL(path, packageFolder()), 'utf8');

interface Package {
  readonly version: string;
  /** Exists only in a published package: the release sets it to the repository from which it was built. */
  readonly repository?: { readonly url: string };
}

const ownPackage = (): Package => JSON.parse(readPackageFile('package.json')) as Package;

/** The version of this program. */
export const ownVersion = (): string => ownPackage().version;

/**
 * The URL of a docs page at the repository's tag of this version. Undefined in a clone, whose package does not name
 * its repository.
 * @param page the path below `docs`, with an optional anchor
 */
export function docsUrl(page: string, { repository, version }: Package = ownPackage()): string | undefined {
  const url = repository?.url.replace(/^git\+/, '').replace(/\.git$/, '');
  return url && `${url}/blob/v${version}/docs/${page}`;
}

/** A docs page for a hint: its URL or, in a clone, its path. */
export const docsPage = (page: string): string => docsUrl(page) ?? `docs/${page}`;

/**
 * The folder for data that makes later runs faster, by the XDG base directory specification. It also contains
 * compiled code, so a folder to which another user could have written is not used. The path that is returned
 * instead can neither be read nor written.
 */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const configured = env['XDG_CACHE_HOME'] ?? '';
  const base = isAbsolute(configured) ? configured : join(env['HOME'] || homedir(), '.cache');
  const folder = join(base, 'ecr-bootstrap');
  return isOpenToOthers(folder) ? join(devNull, 'ecr-bootstrap') : folder;
}

function isOpenToOthers(folder: string): boolean {
  if (folderOfOthers(folder) !== undefined) return true;
  // Windows has no Unix modes.
  return process.geteuid !== undefined && existsSync(folder) && (statSync(folder).mode & 0o002) !== 0;
}

/**
 * The folder itself or, if it does not exist, the parent in which it would be created, if that belongs to another
 * user. HOME and the XDG variables survive `sudo`. The folders of root are trusted.
 */
export function folderOfOthers(path: string): string | undefined {
  const user = process.geteuid?.();
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  const { uid } = statSync(folder);
  return user === undefined || uid === user || uid === 0 ? undefined : folder;
}
