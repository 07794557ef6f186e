import type { Reference } from './references.ts';

/** The files of a node, by path. */
type Files = Readonly<Record<string, string>>;

const registriesFile = '/etc/containers/registries.conf';
const registriesFolder = `${registriesFile}.d/`;
const settingsFile = '/etc/crio/crio.conf';
const settingsFolder = `${settingsFile}.d/`;

/** Where CRI-O asks for an image, and with which login. */
export interface RemoteImage {
  /** `HOST/PATH` without a tag or digest. */
  readonly repository: string;
  readonly host: string;
  /** Base64 of `USER:PASSWORD`. */
  readonly login: string | undefined;
}

/**
 * CRI-O's configuration as the process has it. It reads the settings when it starts (server.New in its
 * server/server.go), and the registries when it starts and, with `auto_reload_registries`, when a file in
 * registries.conf.d changes. It reads the login file at each pull.
 */
export class Crio {
  #registries: ReadonlyMap<string, string> = new Map();
  #autoReload = false;
  #loginFile = '';

  /** A new process. @throws Error when it cannot read its registries, as CRI-O then ends */
  start(files: Files): void {
    const texts = inOrder(files, settingsFile, (path) => path.startsWith(settingsFolder));
    this.#autoReload = false;
    this.#loginFile = '';
    for (const text of texts) {
      for (const { table, key, value } of assignments(text)) {
        if (table !== 'crio.image') continue;
        if (key === 'auto_reload_registries') this.#autoReload = value === 'true';
        if (key === 'global_auth_file') this.#loginFile = value;
      }
    }
    this.#registries = registriesOf(files);
  }

  /** A file of the node was written or removed. A configuration that is not valid changes nothing. */
  changed(path: string, files: Files): void {
    if (!this.#autoReload || !path.startsWith(registriesFolder) || !path.endsWith('.conf')) return;
    try {
      this.#registries = registriesOf(files);
    } catch {
      // CRI-O logs it and keeps the registries that it has.
    }
  }

  /**
   * Where an image is pulled from: the location of the longest prefix replaces the prefix.
   * @returns undefined if no entry matches
   */
  locate({ repository }: Reference, files: Files): RemoteImage | undefined {
    const matches = [...this.#registries].filter(
      ([prefix]) => repository === prefix || repository.startsWith(`${prefix}/`),
    );
    const [longest] = matches.sort(([a], [b]) => b.length - a.length);
    if (longest === undefined) return undefined;
    const [prefix, location] = longest;
    const remote = `${location}${repository.slice(prefix.length)}`;
    return { repository: remote, host: remote.split('/')[0] ?? '', login: this.loginFor(remote, files) };
  }

  /** The login of the longest path in the login file. */
  loginFor(repository: string, files: Files): string | undefined {
    const { auths = {} } = JSON.parse(files[this.#loginFile] ?? '{}') as {
      auths?: Readonly<Record<string, { readonly auth?: string }>>;
    };
    const parts = repository.split('/');
    const keys = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
    const key = keys.find((one) => one in auths);
    return key === undefined ? undefined : auths[key]?.auth;
  }

  /** @returns a function that restores the process */
  save(): () => void {
    const [registries, autoReload, loginFile] = [this.#registries, this.#autoReload, this.#loginFile];
    return () => {
      [this.#registries, this.#autoReload, this.#loginFile] = [registries, autoReload, loginFile];
    };
  }
}

/** The main file, then those of its folder by name. */
function inOrder(files: Files, main: string, isPart: (path: string) => boolean): readonly string[] {
  const paths = Object.keys(files).filter(isPart).sort();
  return [main, ...paths].flatMap((path) => files[path] ?? []);
}

/** Locations by prefix. Of two entries with one prefix, the one in the later file counts. */
function registriesOf(files: Files): ReadonlyMap<string, string> {
  const isPart = (path: string): boolean => path.startsWith(registriesFolder) && path.endsWith('.conf');
  const found = new Map<string, string>();
  for (const text of inOrder(files, registriesFile, isPart)) {
    const entries: Partial<Record<string, string>>[] = [];
    let last = 0;
    for (const { table, key, value, number } of assignments(text)) {
      if (table !== 'registry') continue;
      if (number !== last) entries.push({});
      last = number;
      Object.assign(entries.at(-1) ?? {}, { [key]: value.replace(/\/+$/, '') });
    }
    for (const { location = '', prefix = location } of entries) {
      if (location === '' || location.includes('://')) throw new Error(`invalid location: ${location}`);
      found.set(prefix, location);
    }
  }
  return found;
}

/** The prefixes of the entries in a file of the node. None in a file of another kind. */
export function configuredPrefixes(text: string): readonly string[] {
  try {
    return [...registriesOf({ [registriesFile]: text }).keys()];
  } catch {
    return [];
  }
}

/** The login file that a file of the node sets; empty if it sets none. */
export function configuredLoginFile(text: string): string {
  try {
    const found = assignments(text).find(({ key }) => key === 'global_auth_file');
    return found?.value ?? '';
  } catch {
    return '';
  }
}

interface Assignment {
  readonly table: string;
  /** Of the table, counted from 1: tables of a list share a name. */
  readonly number: number;
  readonly key: string;
  /** Without quotes. */
  readonly value: string;
}

/** The lines of TOML that are in use on nodes. @throws Error for any other line */
function assignments(text: string): readonly Assignment[] {
  let table = '';
  let number = 0;
  return text.split('\n').flatMap((line) => {
    if (/^\s*(#.*)?$/.test(line)) return [];
    const [, name] = /^\s*\[{1,2}\s*([\w.-]+)\s*\]{1,2}\s*$/.exec(line) ?? [];
    if (name !== undefined) {
      table = name;
      number += 1;
      return [];
    }
    const [, key = '', basic, literal, plain] =
      /^\s*([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|(true|false|\d+|\[.*\]))\s*(?:#.*)?$/.exec(line) ?? [];
    const value = basic ?? literal ?? plain;
    if (value === undefined) throw new Error(`invalid TOML: ${line}`);
    return [{ table, number, key, value }];
  });
}
