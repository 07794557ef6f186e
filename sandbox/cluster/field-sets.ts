import { equal, type Fields, type FieldSet, isFields } from './objects.ts';

/** The type of a value: the kind of its object, and its field names. An item of a list has the name `[]`. */
export interface Place {
  readonly kind: string;
  readonly isCustom: boolean;
  readonly parent: string;
  readonly name: string;
}

/**
 * The lists that are merged by keys, by name. All others are atomic, and so are all lists of custom kinds: no CRD of the
 * operator has `x-kubernetes-list-map-keys`. Source: k8s.io/api, the markers `+listType` and `+listMapKey`.
 */
const listKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  webhooks: ['name'],
  matchConditions: ['name'],
};

/** Lists that are keyed only there. For example, `imagePullSecrets` is keyed in a pod and atomic in a ServiceAccount. */
const keysBelow: Readonly<Record<string, readonly string[]>> = {
  'spec.imagePullSecrets': ['name'],
  '.secrets': ['name'],
  'metadata.ownerReferences': ['uid'],
  'containers.ports': ['containerPort', 'protocol'],
  'initContainers.ports': ['containerPort', 'protocol'],
};

const keyDefaults: Fields = { protocol: 'TCP' };

/** Maps that are replaced as a whole. Source: k8s.io/api, the markers `+structType` and `+mapType`. */
const atomicMaps = new Set([
  ...['selector', 'labelSelector', 'namespaceSelector', 'objectSelector', 'nodeSelector', 'matchConstraints'],
  ...['secretKeyRef', 'configMapKeyRef', 'fieldRef', 'resourceFieldRef', 'secretRef', 'roleRef', 'paramKind'],
  ...['paramRef', 'claimRef', 'involvedObject', 'requiredDuringSchedulingIgnoredDuringExecution'],
  ...['imagePullSecrets[]', 'ownerReferences[]', 'secrets[]'],
]);

/** Fields of built-in kinds that are always present, so that no manager owns them. */
const structs = new Set([
  'spec',
  'template',
  'strategy',
  'updateStrategy',
  'containers',
  'clientConfig',
  'names',
]);

const isAtomic = ({ name, isCustom }: Place): boolean =>
  isCustom ? ['namespaceSelector', 'ownerReferences[]'].includes(name) : atomicMaps.has(name);

/** The keys of a keyed list, `[]` for a set, and undefined for an atomic list. */
function keysOf({ kind, isCustom, parent, name }: Place): readonly string[] | undefined {
  const path = `${parent.replace('[]', '')}.${name}`;
  if (path === 'metadata.finalizers') return [];
  if (isCustom && parent !== 'metadata') return undefined;
  if (kind === 'Service' && path === 'spec.ports') return ['port', 'protocol'];
  return keysBelow[path] ?? listKeys[name];
}

function elementOf(item: unknown, keys: readonly string[]): string {
  if (keys.length === 0) return `v:${JSON.stringify(item)}`;
  const values = isFields(item) ? item : {};
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, values[key] ?? keyDefaults[key]])))}`;
}

type Nodes = ReadonlyMap<string, { readonly value: unknown; readonly place: Place }>;

/** The fields of a map or the items of a list by their element in a set; undefined for a leaf. */
export function nodesOf(value: unknown, place: Place): Nodes | undefined {
  const below = (name: string) => ({ ...place, parent: place.name, name });
  if (Array.isArray(value)) {
    const keys = keysOf(place);
    const itemPlace = below(`${place.name}[]`);
    return (
      keys &&
      new Map(value.map((item: unknown) => [elementOf(item, keys), { value: item, place: itemPlace }]))
    );
  }
  if (!isFields(value) || isAtomic(place)) return undefined;
  const present = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return new Map(present.map(([name, inner]) => [`f:${name}`, { value: inner, place: below(name) }]));
}

const isItem = (element: string): boolean => !element.startsWith('f:');

/**
 * The set of all fields of a value. An empty keyed list has none.
 * @param withParents whether the maps and lists themselves are in the set, as in the record of an update
 */
export function fieldsOf(value: unknown, place: Place, withParents: boolean): FieldSet | undefined {
  const nodes = nodesOf(value, place);
  if (!nodes) return {};
  const fields: Record<string, FieldSet> = {};
  for (const [element, node] of nodes) {
    const inner = fieldsOf(node.value, node.place, withParents);
    if (inner) fields[element] = isItem(element) ? withSelf(inner) : inner;
  }
  if (Array.isArray(value) && nodes.size === 0) return withParents ? {} : undefined;
  const isStruct = place.name === 'metadata' || (!place.isCustom && structs.has(place.name));
  return withParents && !isStruct ? withSelf(fields) : fields;
}

/** Whether the node itself is in the set, and not only fields below it. */
export const isMember = (fields: FieldSet): boolean => '.' in fields || Object.keys(fields).length === 0;

const withSelf = (fields: FieldSet): FieldSet => (isMember(fields) ? fields : { '.': {}, ...fields });

/** The fields that are in either set. */
export function union(one: FieldSet, other: FieldSet): FieldSet {
  const joined: Record<string, FieldSet> = { ...one };
  for (const [element, inner] of Object.entries(other)) {
    const present = joined[element];
    if (!present) joined[element] = inner;
    else if (element !== '.') {
      const both = union(present, inner);
      joined[element] = isMember(present) || isMember(inner) ? withSelf(both) : both;
    }
  }
  return joined;
}

/** The fields of `one` that are not in `other`. */
export function difference(one: FieldSet, other: FieldSet): FieldSet {
  const left: Record<string, FieldSet> = {};
  for (const [element, inner] of Object.entries(one)) {
    const excluded = other[element];
    if (element === '.') continue;
    if (!excluded) left[element] = inner;
    else {
      const rest = difference(inner, excluded);
      const stays = isMember(inner) && !isMember(excluded);
      if (stays) left[element] = withSelf(rest);
      else if (Object.keys(rest).length > 0) left[element] = rest;
    }
  }
  return left;
}

/** The paths of the fields that are in both sets, as the API server writes them: `.spec.containers[name="web"].image`. */
export function commonPaths(one: FieldSet, other: FieldSet): string[] {
  return Object.entries(one).flatMap(([element, inner]) => {
    const same = other[element];
    if (!same || element === '.') return [];
    const path = pathOf(element);
    const isCommon = isMember(inner) && isMember(same);
    return [...(isCommon ? [path] : []), ...commonPaths(inner, same).map((rest) => path + rest)];
  });
}

function pathOf(element: string): string {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('v:')) return `[=${text}]`;
  const keys = Object.entries(JSON.parse(text) as Fields);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
}

export interface Changes {
  /** Added or modified fields. */
  readonly set: FieldSet;
  readonly removed: FieldSet;
}

/** The fields that differ between two versions of a map. */
export function compare(before: unknown, after: unknown, place: Place): Changes {
  const set: Record<string, FieldSet> = {};
  const removed: Record<string, FieldSet> = {};
  const [old, next] = [nodesOf(before, place), nodesOf(after, place)];
  for (const [element, node] of next ?? []) {
    const counterpart = old?.get(element);
    if (!counterpart) {
      const added = fieldsOf(node.value, node.place, true);
      if (added) set[element] = added;
    } else if (counterpart.value !== node.value) {
      compareNodes(element, counterpart.value, node.value, node.place, { set, removed });
    }
  }
  for (const [element, node] of old ?? []) {
    if (next?.has(element)) continue;
    const gone = fieldsOf(node.value, node.place, true);
    if (gone) removed[element] = gone;
  }
  return { set, removed };
}

function compareNodes(
  element: string,
  before: unknown,
  after: unknown,
  place: Place,
  changes: Record<keyof Changes, Record<string, FieldSet>>,
): void {
  const isLeaf = !nodesOf(before, place) || !nodesOf(after, place);
  if (isLeaf) {
    if (!equal(before, after)) changes.set[element] = {};
    return;
  }
  const inner = compare(before, after, place);
  if (Object.keys(inner.set).length > 0) changes.set[element] = inner.set;
  if (Object.keys(inner.removed).length > 0) changes.removed[element] = inner.removed;
}
