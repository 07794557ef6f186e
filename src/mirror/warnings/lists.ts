import pLimit from 'p-limit';
import type { ActiveImage } from '../../clients/aws/port.ts';
import { isManagedBy } from '../../clients/kubernetes/names.ts';
import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Config } from '../../config/schema.ts';
import { withManagedLabel } from '../../cluster/objects.ts';
import { groupBy } from '../../core/group-by.ts';
import { oncePerContext } from '../../core/once.ts';
import { managedBy, operatorNamespace, probeHost } from '../../core/ownership.ts';
import { sha256 } from '../../core/sha256.ts';
import { isDigest } from '../../clients/registry/digest.ts';
import { dockerHubNames } from '../../images/reference.ts';
import { sourceRepositories } from '../../images/naming.ts';
import { registryHosts } from '../../images/registry-alias.ts';
import type { WantedImage } from '../../images/wanted.ts';
import type { MirrorContext } from '../context.ts';

/** Selects the ConfigMaps that the policy reads. */
export const imageListLabel = { 'ecr-bootstrap.dev/image-list': 'true' } as const;

/** Whether `up` or `mirror` wrote this list. */
export const isImageList = (object: KubeObject): boolean =>
  object.kind === 'ConfigMap' && isManagedBy(object, { ...managedBy, ...imageListLabel });

/** The list of the hosts that have other lists; the names of those begin with it. */
export const otherHostsName = 'image-list';

/** Tags of all source hosts together, and of the registry. The API server converts each list whenever it evaluates the policy. */
export const maxTags = 10_000;

/** Bytes of one list: what the API server accepts as the data of a ConfigMap. */
const maxBytes = 1024 * 1024;

/** The first hexadecimal digits of a digest are enough within one repository, and keep the lists short. */
export const digestDigits = { start: 'sha256:'.length, end: 'sha256:'.length + 12 } as const;

/** What ECR holds of one repository: `:1.27` for a tag, `@` and {@link digestDigits} for a digest. */
export interface HeldRepository {
  /** In ECR, or of a source. */
  readonly path: string;
  readonly versions: readonly string[];
}

/** Concurrent queries, one for each repository. */
const concurrency = 20;

/** The images in all repositories of the project. */
export const heldRepositories = oncePerContext(
  async (ctx: MirrorContext): Promise<readonly HeldRepository[]> => {
    const existing = (await ctx.aws.ecr.repositories()).map(({ name }) => name);
    const names = [...existing, ...ctx.mirror.pushes.repositories];
    return readHeld(
      names.filter((name) => name.startsWith(`${ctx.config.project}/`)),
      ctx,
    );
  },
);

/** What ECR lists, and what this process has pushed. */
export const readHeld = (
  names: readonly string[],
  { aws: { ecr }, mirror: { pushes } }: Pick<MirrorContext, 'aws' | 'mirror'>,
): Promise<HeldRepository[]> =>
  pLimit(concurrency).map([...new Set(names)], async (path) => ({
    path,
    versions: versionsOf([...(await ecr.activeImages(path)), ...pushes.of(path)]),
  }));

/** The version by which an image is wanted. An image without a tag has its digest instead. */
export const versionOf = (tag: string): string => (isDigest(tag) ? digestVersion(tag) : `:${tag}`);

const digestVersion = (digest: string): string => `@${digest.slice(digestDigits.start, digestDigits.end)}`;

const versionsOf = (ids: readonly ActiveImage[]): string[] => [
  ...new Set(
    ids.flatMap(({ digest, tag }) => [...(tag === undefined ? [] : [`:${tag}`]), digestVersion(digest)]),
  ),
];

/** What ECR will hold when these images are copied. Their digests are not known yet. */
export function withCopied(
  held: readonly HeldRepository[],
  images: readonly WantedImage[],
): readonly HeldRepository[] {
  const unknown = `@${'0'.repeat(digestDigits.end - digestDigits.start)}`;
  const copied = images.map(({ repository, tag }) => ({
    path: repository,
    versions: [versionOf(tag), unknown],
  }));
  return [...groupBy([...held, ...copied], ({ path }) => path)].map(([path, some]) => ({
    path,
    versions: [...new Set(some.flatMap(({ versions }) => versions))],
  }));
}

/** The references that ECR holds, for the policy that warns about others. */
export interface ImageLists {
  readonly objects: readonly KubeObject[];
  /** Hosts with too many references for a list. The policy does not warn about their images. */
  readonly unlisted: readonly string[];
}

interface HostList {
  readonly host: string;
  readonly data: Readonly<Record<string, string>>;
  readonly tags: number;
}

type Naming = Pick<Config, 'project' | 'images'>;

/** One ConfigMap for each source host and one for the registry itself, and last one for all other hosts. */
export function imageLists(
  held: readonly HeldRepository[],
  registryHost: string,
  config: Naming,
): ImageLists {
  const lists = withProof([...hostLists(held, config), registryList(held, registryHost, config)], config);
  const listed = [withinBounds(lists.slice(0, -1)), withinBounds(lists.slice(-1))].flat();
  const known = [probeHost, ...lists.flatMap(({ data }) => data['HOSTS']?.trim().split(' ') ?? [])];
  return {
    objects: [
      ...listed.map(({ host, data }) => listObject(listName(host), data)),
      listObject(otherHostsName, { EXCEPT: spaced(known.sort()) }),
    ],
    unlisted: lists.filter((list) => !listed.includes(list)).map(({ host }) => host),
  };
}

/** ECR accepts no name with two underscores in a row, so no repository has this one. */
const proofName = 'ecr-bootstrap__lists';

/**
 * Adds a reference that changes with every list to the last one, the registry's. An API server that does not warn about it
 * has read the present lists.
 */
function withProof(lists: readonly HostList[], { project }: Pick<Config, 'project'>): readonly HostList[] {
  const path = `${project}/${proofName}`;
  const part = `part-${partOf(path)}`;
  const contents = lists.flatMap(({ data }) => Object.entries(data).map((entry) => entry.join(' '))).sort();
  const tag = sha256(contents.join('\n')).slice(0, 16);
  return lists.map((list, index) => {
    if (index < lists.length - 1) return list;
    const words = (list.data[part] ?? '').split(' ').filter(Boolean);
    return { ...list, data: { ...list.data, [part]: spaced([...words, `${path}:${tag}`].sort()) } };
  });
}

/** The reference about which there is no warning only with these lists. Undefined if the registry's is not among them. */
export function proofIn(objects: readonly KubeObject[]): string | undefined {
  for (const { data = {} } of objects as readonly { data?: Readonly<Record<string, string>> }[]) {
    const { HOSTS = '', PREFIX, ...lists } = data;
    const [host = ''] = HOSTS.trim().split(' ');
    const words = PREFIX === undefined ? [] : Object.values(lists).flatMap((list) => list.split(' '));
    const word = words.find((one) => one.startsWith(`${PREFIX ?? ''}${proofName}:`));
    if (word !== undefined) return `${host}/${word}`;
  }
  return undefined;
}

function hostLists(held: readonly HeldRepository[], { project, images: { map } }: Naming): HostList[] {
  const sources = held
    .filter(({ versions }) => versions.length > 0)
    .flatMap(({ path, versions }) =>
      sourceRepositories(path, { project, map }).map((source) => ({ ...source, versions })),
    )
    .filter(({ host }) => host !== probeHost);
  return [...groupBy(sources, ({ host }) => host)].map(([host, repositories]) => ({
    host,
    data: { HOSTS: spaced(namesOf(host)), ...parts(repositories) },
    tags: tagsIn(repositories),
  }));
}

/** The hosts of references, in lowercase, that mean this one. The first is the host itself. */
function namesOf(host: string): readonly string[] {
  if (dockerHubNames.has(host)) return [...dockerHubNames];
  // An uppercase letter makes the first part of a reference a host, which then has the default port.
  const [, bare] = /^([^.:]+):443$/.exec(host) ?? [];
  return bare === undefined || bare === 'localhost' ? [host] : [host, bare];
}

/** For references to the registry itself, by any of its hosts. The policy looks up only those of the project. */
function registryList(
  held: readonly HeldRepository[],
  host: string,
  { project }: Pick<Config, 'project'>,
): HostList {
  const hosts = registryHosts(host).flatMap((name) => [name, `${name}:443`]);
  return {
    host,
    data: { HOSTS: spaced(hosts), PREFIX: `${project}/`, ...parts(held) },
    tags: tagsIn(held),
  };
}

const tagsIn = (repositories: readonly HeldRepository[]): number =>
  repositories.reduce(
    (sum, { versions }) => sum + versions.filter((version) => version.startsWith(':')).length,
    0,
  );

/** The largest lists are left out first, because the policy must not miss a reference of a list that it has. */
function withinBounds(lists: readonly HostList[]): readonly HostList[] {
  let tags = 0;
  return lists
    .toSorted((a, b) => a.tags - b.tags)
    .filter((list) => (tags += list.tags) <= maxTags && bytesOf(list) <= maxBytes);
}

const bytesOf = ({ data }: HostList): number =>
  Object.entries(data).reduce((sum, [key, value]) => sum + key.length + value.length, 0);

/**
 * The references in parts, so that the policy searches only a few of them, and the API server, which converts a list for each
 * evaluation, has few keys to convert.
 */
function parts(repositories: readonly HeldRepository[]): Readonly<Record<string, string>> {
  const grouped = groupBy(
    repositories.filter(({ versions }) => versions.length > 0),
    ({ path }) => `part-${partOf(path)}`,
  );
  return Object.fromEntries(
    [...grouped].map(([part, found]) => {
      const words = found.flatMap(({ path, versions }) => versions.map((version) => `${path}${version}`));
      return [part, spaced(words.sort())] as const;
    }),
  );
}

/** The list with each part that only the existing one has, but empty: a comparison leaves out what is not set. */
export function withEmptiedParts(list: KubeObject, existing: KubeObject | undefined): KubeObject {
  const emptied = Object.keys(existing?.['data'] ?? {}).filter((key) => key.startsWith('part-'));
  const data = { ...Object.fromEntries(emptied.map((key) => [key, ''])), ...(list['data'] as object) };
  return { ...list, data };
}

/** Each list with the existing one of its name, for a comparison. */
export const besideExisting = (lists: readonly KubeObject[], existing: ReadonlyMap<string, KubeObject>) =>
  lists.map((list) => {
    const actual = existing.get(list.metadata.name);
    return { desired: withEmptiedParts(list, actual), actual };
  });

/** The repositories in a list: the inverse of {@link parts}. */
export function repositoriesIn(data: Readonly<Record<string, unknown>>): readonly HeldRepository[] {
  const words = Object.entries(data).flatMap(([key, value]) =>
    key.startsWith('part-') && typeof value === 'string' ? value.split(' ') : [],
  );
  const found = words.flatMap((word) => {
    const [, path, version] = /^([^:@]+)([:@].+)$/.exec(word) ?? [];
    return path !== undefined && version !== undefined && !path.endsWith(`/${proofName}`)
      ? [{ path, version }]
      : [];
  });
  return [...groupBy(found, ({ path }) => path)].map(([path, versions]) => ({
    path,
    versions: versions.map(({ version }) => version),
  }));
}

export const partCount = 16;

/** The characters of a repository. The policy numbers them, because CEL has no codes of characters and no hashes. */
export const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz._-/';

/** The part with the references of a repository. The policy computes the same number. */
function partOf(path: string): number {
  const codeAt = (index: number): number => alphabet.indexOf(path.charAt(index));
  return (codeAt(path.length - 1) + 5 * codeAt(Math.floor(path.length / 2)) + path.length) % partCount;
}

/** The policy searches for a word with its spaces. */
const spaced = (words: readonly string[]): string => ` ${words.join(' ')} `;

const listObject = (name: string, data: Readonly<Record<string, string>>): KubeObject =>
  withManagedLabel({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: operatorNamespace, labels: imageListLabel },
    data,
  });

/** Of the readable part of a name, which the API server limits to 253 characters. */
const maxNameLength = 200;

/** The name of a host's ConfigMap. A host with a port or an address is not a name, so its digest makes the name unique. */
export function listName(host: string): string {
  if (/^[a-z0-9.-]+$/.test(host) && host.length <= maxNameLength) return `${otherHostsName}.${host}`;
  const words = host.match(/[a-z0-9]+(?:\.[a-z0-9]+)*/g) ?? [];
  const readable = words.join('-').slice(0, maxNameLength).replace(/[.-]$/, '');
  return [otherHostsName, readable, sha256(host).slice(0, 8)].filter(Boolean).join('.');
}
