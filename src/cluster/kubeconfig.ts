import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import type { Cluster, Context, User } from '@kubernetes/client-node/dist/config_types.js';
import { BootstrapError, reasonOf } from '../errors/index.ts';
import { hidePassword } from '../net/proxy.ts';

export interface KubeconfigChoice {
  /** Path of a file, or of several as KUBECONFIG has them; default: KUBECONFIG's files, else `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  /** Default: the current context. */
  readonly context?: string | undefined;
}

/** A user, whose token may be in a file. */
export type KubeUser = User & { readonly tokenFile?: string };

/** One context with what it names. */
export interface KubeContext {
  readonly name: string;
  readonly cluster: Cluster;
  readonly user: KubeUser | undefined;
}

interface Entries {
  readonly clusters: readonly Cluster[];
  readonly users: readonly KubeUser[];
  readonly contexts: readonly Context[];
  readonly current: string | undefined;
}

const hint = 'Name a kubeconfig with --kubeconfig FILE and a context with --context NAME.';

/**
 * The name of the current context, whether or not it is there; undefined when there is none or no file at all.
 * Files are merged as kubectl does: the first that has a name wins.
 * @throws BootstrapError `cluster-unconfigured` for a file that is missing or not a kubeconfig
 */
export const currentContext = async (choice: KubeconfigChoice): Promise<string | undefined> =>
  (await readAll(choice))?.current;

/**
 * The chosen context.
 * @throws BootstrapError `cluster-unconfigured` when there is none
 */
export async function chooseContext(choice: KubeconfigChoice): Promise<KubeContext> {
  const entries = await readAll(choice);
  if (!entries) throw unconfigured('find a kubeconfig', 'neither KUBECONFIG nor ~/.kube/config is there');
  const name = choice.context ?? entries.current;
  if (!name) throw unconfigured('choose a context', 'the kubeconfig has no current context');
  const context = entries.contexts.find((candidate) => candidate.name === name);
  if (!context) {
    const known = entries.contexts.map((candidate) => candidate.name).join(', ') || 'none';
    throw unconfigured(`use context ${name}`, `the kubeconfig has no such context; it has: ${known}`);
  }
  const cluster = entries.clusters.find((candidate) => candidate.name === context.cluster);
  if (!cluster) throw unconfigured(`use context ${name}`, `its cluster ${context.cluster} is not there`);
  if (URL.canParse(cluster.server)) hidePassword(new URL(cluster.server));
  return { name, cluster, user: entries.users.find((candidate) => candidate.name === context.user) };
}

const unconfigured = (what: string, why: string): BootstrapError =>
  new BootstrapError({ code: 'cluster-unconfigured', what, why, hint });

/** The files that are read, whether or not they exist. */
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
    return await readFile(file, 'utf8');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing && !required) return undefined;
    throw unconfigured(`read kubeconfig ${file}`, missing ? 'there is no such file' : reasonOf(error));
  }
}

async function readEntries(file: string, text: string): Promise<Entries> {
  // Only this module of the client, 10 ms: its KubeConfig class brings all of the API's models along, 500 ms.
  const [{ newClusters, newContexts, newUsers }, { load }] = await Promise.all([
    import('@kubernetes/client-node/dist/config_types.js'),
    import('js-yaml'),
  ]);
  try {
    const parsed = load(text);
    if (typeof parsed !== 'object' || parsed === null) throw new Error('it holds no kubeconfig');
    const document = parsed as Record<string, unknown>;
    const current = document['current-context'];
    const filter = { onInvalidEntry: 'filter' } as const;
    return {
      clusters: newClusters(document['clusters'], filter).map((cluster) => absoluteCluster(file, cluster)),
      users: listOf(document['users']).flatMap((entry) =>
        newUsers([withoutTokenFile(entry)], filter).map((user) =>
          absoluteUser(file, user, tokenFileOf(entry)),
        ),
      ),
      contexts: newContexts(document['contexts'], filter),
      current: typeof current === 'string' && current !== '' ? current : undefined,
    };
  } catch (error) {
    throw unconfigured(`read kubeconfig ${file}`, reasonOf(error));
  }
}

const absolute = (kubeconfig: string, file: string): string =>
  isAbsolute(file) ? file : join(dirname(kubeconfig), file);

const absoluteCluster = (kubeconfig: string, cluster: Cluster): Cluster =>
  cluster.caFile ? { ...cluster, caFile: absolute(kubeconfig, cluster.caFile) } : cluster;

type Fields = Readonly<Record<string, unknown>>;
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? (value as Fields[]) : []);
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};

/** `token-file`, which kubectl does not know, makes the client read the file of every user at once. */
function withoutTokenFile(entry: unknown): Fields {
  const { 'token-file': _unknown, ...user } = fieldsOf(fieldsOf(entry)['user']);
  return { ...fieldsOf(entry), user };
}

function tokenFileOf(entry: unknown): string | undefined {
  const { tokenFile } = fieldsOf(fieldsOf(entry)['user']);
  return typeof tokenFile === 'string' && tokenFile !== '' ? tokenFile : undefined;
}

const absoluteUser = (kubeconfig: string, user: User, tokenFile: string | undefined): KubeUser => ({
  ...user,
  ...(tokenFile === undefined ? {} : { tokenFile: absolute(kubeconfig, tokenFile) }),
  ...(user.certFile ? { certFile: absolute(kubeconfig, user.certFile) } : {}),
  ...(user.keyFile ? { keyFile: absolute(kubeconfig, user.keyFile) } : {}),
});
