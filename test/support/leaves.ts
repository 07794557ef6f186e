import { entryPath, lastName, pathText, type Segment } from '../../src/cluster/path.ts';
import type { KubeObject } from '../../src/clients/kubernetes/port.ts';

/** A single value in an object. */
export interface Leaf {
  /** The path as a plan shows it. */
  readonly path: string;
  /** Replaces the value with another one of the same type. */
  corrupt(object: KubeObject): KubeObject;
  /** Removes the value. Undefined for entries of lists, and where the API server would restore the same value. */
  readonly take: ((object: KubeObject) => KubeObject) | undefined;
}

/**
 * The keys that identify entries of a list. A changed key means another entry, so a key is not a field of its own.
 */
const entryKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  imagePullSecrets: ['name'],
  ports: ['containerPort', 'port', 'protocol'],
  tolerations: ['key', 'operator', 'value', 'effect'],
  webhooks: ['name'],
  matchConditions: ['name'],
  versions: ['name'],
};

const named = new Set(['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']);
/** Without this label the object is unmanaged, which other tests cover. */
const markPath = 'metadata.labels["app.kubernetes.io/managed-by"]';

/** Every value in an object, except its name and the managed-by label. */
export function leavesOf(object: KubeObject): Leaf[] {
  return walk(object, [], []).filter(({ path }) => !named.has(path) && path !== markPath);
}

type Fields = Record<string, unknown>;
type Key = string | number;

/**
 * @param keys the location in the object
 * @param path the same location as a plan shows it
 */
function walk(value: unknown, keys: readonly Key[], path: readonly Segment[]): Leaf[] {
  if (isFields(value)) {
    return Object.entries(value).flatMap(([key, inner]) => walk(inner, [...keys, key], [...path, key]));
  }
  if (Array.isArray(value)) {
    const list = lastName(path) ?? '';
    return value.flatMap((item, index) => {
      const own = entryKeys[list]?.filter((key) => isFields(item) && key in item) ?? [];
      const place =
        own.length > 0
          ? entryPath(path, identityOf(item as Fields, own), (other) => other === item)
          : [...path, index];
      return walk(item, [...keys, index], place).filter(
        (leaf) => !own.some((key) => leaf.path === pathText([...place, key])),
      );
    });
  }
  const other = otherThan(value);
  if (other === undefined) return [];
  const last = keys.at(-1);
  const isZero = value === '' || value === 0 || value === false;
  const take: Leaf['take'] = (object) =>
    edited(object, keys, (parent, key) => void Reflect.deleteProperty(parent, key));
  return [
    {
      path: pathText(path),
      corrupt: (object) => edited(object, keys, (parent, key) => void (parent[key] = other)),
      take: typeof last === 'string' && !isZero ? take : undefined,
    },
  ];
}

const identityOf = (item: Fields, keys: readonly string[]): string =>
  keys
    .filter((key) => !(key === 'protocol' && item[key] === 'TCP'))
    .map((key) => `${key}=${String(item[key])}`)
    .join(',');

function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return /^\d+[hms]$/.test(value) ? `1${value}` : `${value}-drifted`;
  if (typeof value === 'number') return value + 1;
  return typeof value === 'boolean' ? !value : undefined;
}

function edited(
  object: KubeObject,
  keys: readonly Key[],
  edit: (parent: Fields, key: Key) => void,
): KubeObject {
  const copy = structuredClone(object);
  const parent = keys.slice(0, -1).reduce<unknown>((at, key) => (at as Fields)[key], copy) as Fields;
  edit(parent, keys.at(-1) ?? '');
  return copy;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
