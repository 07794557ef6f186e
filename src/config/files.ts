import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { getAt, setAt, type Tree } from './paths.ts';

/** The keys that name files of this machine. */
const fileKeys = ['cluster.kubeconfig', 'externalSecrets.manifest', 'externalSecrets.caBundle'];

/**
 * Makes the names of files absolute: `~/` is the home folder, and a name in the configuration file is relative to
 * that file, so that it means the same wherever the command runs.
 * @param folderOf the folder that a key's value is relative to
 */
export function resolveFiles(values: Tree, folderOf: (key: string) => string): void {
  for (const key of fileKeys) {
    const value = getAt(values, key);
    if (typeof value !== 'string' || value === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(value)) continue;
    const named = key === 'cluster.kubeconfig' ? value.split(delimiter) : [value];
    setAt(values, key, named.map((name) => absolute(name, folderOf(key))).join(delimiter));
  }
}

const absolute = (name: string, folder: string): string =>
  name.startsWith('~/') ? join(homedir(), name.slice(2)) : resolve(folder, name);
