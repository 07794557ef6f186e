import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { decodeText } from '../../core/decode-text.ts';
import { BootstrapError, reasonOf, systemCode } from '../../core/errors.ts';
import { hidePassword } from '../net/proxy.ts';
import type { PluginSettings } from './exec-plugin.ts';
import { readYaml } from './yaml.ts';

export interface KubeconfigChoice {
  /** Path of a file, or of several as in KUBECONFIG. Default: the files of KUBECONFIG, else `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  /** Default: the current context. */
  readonly context?: string | undefined;
}

/** The API server and its certificate authority. */
export interface KubeCluster {
  readonly name: string;
  readonly server: string;
  readonly caData?: string | undefined;
  readonly caFile?: string | undefined;
  readonly skipTLSVerify: boolean;
  readonly tlsServerName?: string | undefined;
  readonly proxyUrl?: string | undefined;
  readonly disableCompression?: boolean | undefined;
  /** The extension `client.authentication.k8s.io/exec`, which is reserved for exec plugins. */
  readonly execExtension?: unknown;
}

/** The user that requests impersonate. */
export interface Impersonation {
  readonly user: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/** The credentials of a user. */
export interface KubeUser {
  readonly name: string;
  readonly certData?: string | undefined;
  readonly certFile?: string | undefined;
  readonly keyData?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly impersonate?: Impersonation | undefined;
  readonly exec?: PluginSettings | undefined;
  readonly authProvider?: Fields | undefined;
}

/** One context, with the cluster and the user that it references. */
export interface KubeContext {
  readonly name: string;
  readonly cluster: KubeCluster;
  readonly user: KubeUser | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** One entry of a list. Its values are read when it is used, so errors in unused entries do not matter. */
interface Entry {
  readonly name: string;
  /** The kubeconfig that contains the entry. Relative paths are relative to this file. */
  readonly file: string;
  /** `users["admin"].user` */
  readonly path: string;
  readonly fields: Fields;
}

interface Entries {
  readonly clusters: readonly Entry[];
  readonly users: readonly Entry[];
  readonly contexts: readonly Entry[];
  readonly current: string | undefined;
}

const hint = 'Name a kubeconfig with --kubeconfig FILE and a context with --context NAME.';

/**
 * The name of the current context, even if no such context exists. Undefined when none is set or no file exists.
 * Files are merged as in kubectl: the first file that has a name wins.
 * @throws BootstrapError `cluster-unconfigured` for a file that is missing or not a kubeconfig
 */
export const currentKubeContext = async (choice: KubeconfigChoice): Promise<string | undefined> =>
  (await readAll(choice))?.current;

/**
 * The names of all contexts.
 * @throws BootstrapError `cluster-unconfigured` for a file that is missing or not a kubeconfig
 */
export const contextNames = async (choice: KubeconfigChoice): Promise<readonly string[]> =>
  ((await readAll(choice))?.contexts ?? []).map(({ name }) => name);

/**
 * The namespace of the chosen context, if it names one.
 * @throws BootstrapError `cluster-unconfigured` for a file that is missing or not a kubeconfig
 */
export async function contextNamespace(choice: KubeconfigChoice): Promise<string | undefined> {
  const { contexts = [], current } = (await readAll(choice)) ?? {};
  const chosen = contexts.find(({ name }) => name === (choice.context ?? current));
  const namespace = chosen?.fields['namespace'];
  return typeof namespace === 'string' && namespace !== '' ? namespace : undefined;
}

/**
 * The chosen context, read and checked by kubectl's rules: kubernetes/client-go 1.36,
 * tools/clientcmd/{loader,validation, client_config}.go and api/v1/types.go. Unlike kubectl, which rejects a file
 * for any invalid value in it, this checks only the entries that the context references.
 * @throws BootstrapError `cluster-unconfigured` when there is no usable context
 */
export async function chooseContext(choice: KubeconfigChoice): Promise<KubeContext> {
  const entries = await readAll(choice);
  if (!entries)
    throw unconfigured(
      'could not find a kubeconfig',
      'KUBECONFIG is not set and there is no ~/.kube/config',
      { hint },
    );
  const name = choice.context ?? entries.current;
  if (!name)
    throw unconfigured('could not choose a context', 'the kubeconfig has no current context', { hint });
  const context = entries.contexts.find((candidate) => candidate.name === name);
  if (!context) {
    const known = entries.contexts.map((candidate) => candidate.name).join(', ') || 'none';
    throw unconfigured(
      `could not use context ${name}`,
      `the kubeconfig has no such context; it has: ${known}`,
      { hint },
    );
  }
  const what = `could not use context ${name}`;
  try {
    const cluster = clusterOf(named(entries.clusters, 'cluster', context));
    const user = userOf(named(entries.users, 'user', context));
    if (URL.canParse(cluster.server)) hidePassword(new URL(cluster.server));
    return { name, cluster, user };
  } catch (error) {
    if (error instanceof BootstrapError) throw error;
    throw unconfigured(what, reasonOf(error), {
      hint: 'Correct the kubeconfig, or choose another context with --context NAME.',
      cause: error,
    });
  }
}

/** The entry that a context references. */
function named(entries: readonly Entry[], kind: 'cluster' | 'user', context: Entry): Entry {
  const name = text(context, kind);
  if (!name) throw new Error(`it has no ${kind}`);
  const entry = entries.find((candidate) => candidate.name === name);
  if (entry) return entry;
  const known = entries.map((candidate) => candidate.name).join(', ') || 'none';
  throw new Error(`its ${kind} ${name} is not in the kubeconfig, which has: ${known}`);
}

/** The files to read; some may not exist. */
export function kubeconfigFiles({ kubeconfig }: KubeconfigChoice): readonly string[] {
  const listed = (kubeconfig ?? process.env['KUBECONFIG'])?.split(delimiter).filter(Boolean) ?? [];
  return listed.length > 0 ? listed : [join(homedir(), '.kube', 'config')];
}

async function readAll(choice: KubeconfigChoice): Promise<Entries | undefined> {
  const files = kubeconfigFiles(choice);
  const [only, ...others] = files;
  if (choice.kubeconfig && only !== undefined && others.length === 0) {
    return readEntries(only, await textOf(only, 'required'));
  }
  const read = await Promise.all(
    files.map(async (file) => {
      const text = await textOf(file);
      return text === undefined ? undefined : readEntries(file, text);
    }),
  );
  const found = read.filter((entries) => entries !== undefined);
  return found.length === 0 ? undefined : merge(found);
}

function merge(all: readonly Entries[]): Entries {
  return {
    clusters: all.flatMap(({ clusters }) => clusters),
    users: all.flatMap(({ users }) => users),
    contexts: all.flatMap(({ contexts }) => contexts),
    current: all.find(({ current }) => current)?.current,
  };
}

async function textOf(file: string, required: 'required'): Promise<string>;
async function textOf(file: string): Promise<string | undefined>;
async function textOf(file: string, required?: 'required'): Promise<string | undefined> {
  try {
    return decodeText(await readFile(file));
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT';
    if (missing && !required) return undefined;
    throw unconfigured(
      `could not read kubeconfig ${file}`,
      missing ? 'there is no such file' : reasonOf(error),
      { hint, cause: error },
    );
  }
}

async function readEntries(file: string, content: string): Promise<Entries> {
  try {
    const document = mapping(await readYaml(content), 'it');
    const current = document['current-context'];
    return {
      clusters: entriesOf(document, 'clusters', 'cluster', file),
      users: entriesOf(document, 'users', 'user', file),
      contexts: entriesOf(document, 'contexts', 'context', file),
      current: typeof current === 'string' && current !== '' ? current : undefined,
    };
  } catch (error) {
    throw unconfigured(`could not read kubeconfig ${file}`, reasonOf(error), { hint, cause: error });
  }
}

function entriesOf(document: Fields, list: string, kind: string, file: string): Entry[] {
  const value = document[list] ?? [];
  if (!Array.isArray(value)) throw new Error(`${list} is not a list`);
  return value.flatMap((item: unknown, index) => {
    const entry = mapping(item, `${list}[${index}]`);
    const { name } = entry;
    if (typeof name !== 'string') return [];
    const path = `${list}[${JSON.stringify(name)}].${kind}`;
    return [{ name, file, path, fields: mapping(entry[kind], path) }];
  });
}

function mapping(value: unknown, path: string): Fields {
  const fields = value ?? {};
  if (typeof fields !== 'object' || Array.isArray(fields)) throw new Error(`${path} is not a mapping`);
  return fields as Fields;
}

/** The text of a field. Undefined when the field is absent, null or empty. */
function text({ fields, path }: Pick<Entry, 'fields' | 'path'>, key: string): string | undefined {
  const value = fields[key] ?? '';
  if (typeof value === 'string') return value === '' ? undefined : value;
  const isScalar = typeof value !== 'object' || value instanceof Date;
  throw new Error(`${path}.${key} is not text${isScalar ? '; write it in quotes' : ''}`);
}

function flag({ fields, path }: Entry, key: string): boolean {
  const value = fields[key] ?? false;
  if (typeof value !== 'boolean') throw new Error(`${path}.${key} is neither true nor false`);
  return value;
}

function texts(value: unknown, path: string): readonly string[] {
  const list = value ?? [];
  if (!Array.isArray(list)) throw new Error(`${path} is not a list`);
  if (!list.every((item) => typeof item === 'string')) {
    throw new Error(`${path} has an item that is not text; write it in quotes`);
  }
  return list;
}

function filePath(entry: Entry, key: string): string | undefined {
  const value = text(entry, key);
  return value === undefined ? undefined : absolute(entry.file, value);
}

const absolute = (kubeconfig: string, file: string): string =>
  isAbsolute(file) ? file : join(dirname(kubeconfig), file);

/** Base64, as Go reads it: line ends are ignored, any other invalid character is an error. */
function base64(entry: Entry, key: string): string | undefined {
  const value = text(entry, key)?.replace(/[\r\n]/g, '');
  if (value === undefined) return undefined;
  const grammar = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
  if (!grammar.test(value)) throw new Error(`${entry.path}.${key} is not base64`);
  return value;
}

function clusterOf(entry: Entry): KubeCluster {
  const server = text(entry, 'server');
  if (server === undefined) throw new Error(`cluster ${entry.name} has no server`);
  const caData = base64(entry, 'certificate-authority-data');
  const caFile = filePath(entry, 'certificate-authority');
  const skipTLSVerify = flag(entry, 'insecure-skip-tls-verify');
  const hasAuthority = caData !== undefined || caFile !== undefined;
  if (skipTLSVerify && hasAuthority) {
    throw new Error(
      `cluster ${entry.name} has a certificate authority and insecure-skip-tls-verify, and kubectl accepts only one of them`,
    );
  }
  const { extensions = [] } = entry.fields;
  const reserved = (Array.isArray(extensions) ? extensions : [])
    .map((extension: unknown) => mapping(extension, `${entry.path}.extensions`))
    .find(({ name }) => name === 'client.authentication.k8s.io/exec');
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(server)
    ? ''
    : skipTLSVerify || hasAuthority
      ? 'https://'
      : 'http://';
  if (!URL.canParse(`${scheme}${server}`))
    throw new Error(`server ${server} of cluster ${entry.name} is not a URL`);
  return {
    name: entry.name,
    server: `${scheme}${server}`.replace(/\/$/, ''),
    caData,
    caFile,
    skipTLSVerify,
    tlsServerName: text(entry, 'tls-server-name'),
    proxyUrl: text(entry, 'proxy-url'),
    disableCompression: flag(entry, 'disable-compression'),
    execExtension: reserved?.['extension'],
  };
}

function userOf(entry: Entry): KubeUser {
  const user: KubeUser = {
    name: entry.name,
    certData: base64(entry, 'client-certificate-data'),
    certFile: filePath(entry, 'client-certificate'),
    keyData: base64(entry, 'client-key-data'),
    keyFile: filePath(entry, 'client-key'),
    token: text(entry, 'token'),
    tokenFile: filePath(entry, 'tokenFile'),
    username: text(entry, 'username'),
    password: text(entry, 'password'),
    impersonate: impersonationOf(entry),
    exec: pluginOf(entry),
    authProvider: entry.fields['auth-provider']
      ? mapping(entry.fields['auth-provider'], `${entry.path}.auth-provider`)
      : undefined,
  };
  if ((user.certData ?? user.certFile) !== undefined && (user.keyData ?? user.keyFile) === undefined) {
    throw new Error(`user ${entry.name} has a client certificate without client-key-data or client-key`);
  }
  if (user.token !== undefined && (user.username ?? user.password) !== undefined) {
    throw new Error(`user ${entry.name} has a token and a password, and kubectl accepts only one of them`);
  }
  if (user.exec && user.authProvider) {
    throw new Error(
      `user ${entry.name} has an exec plugin and an auth-provider, and kubectl accepts only one of them`,
    );
  }
  return user;
}

function impersonationOf(entry: Entry): Impersonation | undefined {
  const { fields, path } = entry;
  const user = text(entry, 'as');
  const uid = text(entry, 'as-uid');
  const groups = texts(fields['as-groups'], `${path}.as-groups`);
  const extra = Object.fromEntries(
    Object.entries(mapping(fields['as-user-extra'], `${path}.as-user-extra`)).map(([key, values]) => [
      key,
      texts(values, `${path}.as-user-extra[${JSON.stringify(key)}]`),
    ]),
  );
  if (user !== undefined) return { user, uid, groups, extra };
  if (uid === undefined && groups.length === 0 && Object.keys(extra).length === 0) return undefined;
  throw new Error(`user ${entry.name} has as-uid, as-groups or as-user-extra without as`);
}

function pluginOf(entry: Entry): PluginSettings | undefined {
  const { exec } = entry.fields;
  if (exec === undefined || exec === null) return undefined;
  const path = `${entry.path}.exec`;
  const plugin = { ...entry, path, fields: mapping(exec, path) };
  const command = text(plugin, 'command');
  if (command === undefined) throw new Error(`the exec plugin of user ${entry.name} has no command`);
  const { args, env } = plugin.fields;
  const variables = env ?? [];
  if (!Array.isArray(variables)) throw new Error(`${path}.env is not a list of name and value`);
  const interactiveMode = text(plugin, 'interactiveMode');
  if (interactiveMode !== undefined && !isInteractiveMode(interactiveMode)) {
    throw new Error(`${path}.interactiveMode is ${interactiveMode}, and not Never, IfAvailable or Always`);
  }
  return {
    command,
    folder: dirname(entry.file),
    args: texts(args, `${path}.args`),
    env: variables.map((item: unknown, index) => {
      const at = `${path}.env[${index}]`;
      const variable = { fields: mapping(item, at), path: at };
      const name = text(variable, 'name');
      if (name === undefined) throw new Error(`${at} has no name`);
      return { name, value: text(variable, 'value') ?? '' };
    }),
    apiVersion: text(plugin, 'apiVersion'),
    interactiveMode,
    installHint: text(plugin, 'installHint'),
    provideClusterInfo: flag(plugin, 'provideClusterInfo'),
  };
}

const isInteractiveMode = (mode: string): mode is NonNullable<PluginSettings['interactiveMode']> =>
  ['Never', 'IfAvailable', 'Always'].includes(mode);

const newKubeconfig =
  'Get a new kubeconfig, for example by copying /etc/kubernetes/admin.conf from a control plane node.';

/** The kubeconfig has no usable context. */
export const unconfigured = (
  what: string,
  why: string,
  { hint = newKubeconfig, cause }: { readonly hint?: string; readonly cause?: unknown } = {},
): BootstrapError => new BootstrapError({ code: 'cluster-unconfigured', what, why, hint }, { cause });
