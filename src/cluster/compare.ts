import type { Value } from '../core/schemas.ts';
import type { Field } from '../core/step.ts';
import { Secret } from '../core/secret.ts';
import { findLeftovers } from './leftovers.ts';
import { isManualChange, isManagedApply, type ManagedFields } from '../clients/kubernetes/managed-fields.ts';
import { entrySegment, pathText, type Segment } from './path.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { goDuration, quantity } from './quantity.ts';

/** Lists that Kubernetes merges by key, so that other managers can add entries. Other lists are compared as a whole. */
const listKeys: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  ephemeralContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  volumeMounts: ['mountPath'],
  imagePullSecrets: ['name'],
  tolerations: ['key', 'operator', 'value', 'effect'],
  hostAliases: ['ip'],
  webhooks: ['name'],
  matchConditions: ['name'],
  versions: ['name'],
};

/** `ports` of a container and of a Service have different keys. */
const portKeys = [
  ['containerPort', 'protocol'],
  ['port', 'protocol'],
] as const;

const quantityParents = new Set(['limits', 'requests']);
const quantityFields = new Set(['sizeLimit', 'storage']);
const durationFields = new Set(['refreshInterval', 'refreshTime']);
const identity = new Set(['apiVersion', 'kind', 'metadata.name', 'metadata.namespace']);

/**
 * The fields of `wanted` that differ in `actual`, and fields that `up` applied earlier and that are no longer desired.
 * Other fields of `actual` are ignored: defaults, status, fields of other managers. Values of Secrets become
 * {@link Secret}. Field paths: `spec.template.spec.containers[name=webhook].image`, `metadata.labels["a.b/c"]`.
 */
export const compare = (wanted: KubeObject, actual: KubeObject): Field[] =>
  compareFields(wanted, actual, isManagedApply);

/** Compares an object to adopt: fields that a user set and that are not desired differ too. */
export const compareAdopted = (wanted: KubeObject, actual: KubeObject): Field[] =>
  compareFields(wanted, actual, (entry) => isManagedApply(entry) || isManualChange(entry));

function compareFields(
  wanted: KubeObject,
  actual: KubeObject,
  isOwn: (entry: ManagedFields) => boolean,
): Field[] {
  const fields: Field[] = [];
  const report: Report = (path, from, to) => {
    const text = pathText(path);
    const isSecret = wanted.kind === 'Secret' && (path[0] === 'data' || text === lastApplied);
    fields.push({ path: text, ...shown('from', from, isSecret), ...shown('to', to, isSecret) });
  };
  compareMaps(wanted, actual, [], report);
  findLeftovers(wanted, actual, isOwn, (path, value) => report(path, value, undefined));
  return fields;
}

/** `kubectl apply` stores a copy of the whole object here, with secret values. */
const lastApplied = 'metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]';

type Report = (path: readonly Segment[], from: unknown, to: unknown) => void;

function compareAny(wanted: unknown, actual: unknown, path: readonly Segment[], report: Report): void {
  if (wanted === null || (isEmpty(wanted) && isEmpty(actual))) return;
  if (Array.isArray(wanted) && Array.isArray(actual)) return compareLists(wanted, actual, path, report);
  if (isMap(wanted) && isMap(actual)) return compareMaps(wanted, actual, path, report);
  if (!sameScalar(wanted, actual, path)) report(path, actual, wanted);
}

function compareMaps(wanted: JsonMap, actual: JsonMap, path: readonly Segment[], report: Report): void {
  for (const [key, value] of Object.entries(wanted)) {
    const here = [...path, key];
    if (!identity.has(here.join('.'))) compareAny(value, actual[key], here, report);
  }
}

function compareLists(
  wanted: readonly unknown[],
  actual: readonly unknown[],
  path: readonly Segment[],
  report: Report,
): void {
  const keys = keysOf(path.at(-1), wanted);
  if (keys) return compareByKey(wanted.filter(isMap), actual.filter(isMap), keys, path, report);
  if (wanted.length !== actual.length) return report(path, actual, wanted);
  wanted.forEach((item, index) => compareAny(item, actual[index], [...path, index], report));
}

function compareByKey(
  wanted: readonly JsonMap[],
  actual: readonly JsonMap[],
  keys: readonly string[],
  path: readonly Segment[],
  report: Report,
): void {
  const found = new Map(actual.map((item) => [keyOf(item, keys), item]));
  for (const item of wanted) {
    const key = keyOf(item, keys);
    const here = [...path.slice(0, -1), entrySegment(path.at(-1), key)];
    const counterpart = found.get(key);
    if (counterpart) compareMaps(item, counterpart, here, report);
    else report(here, undefined, item);
  }
}

function keysOf(name: Segment | undefined, items: readonly unknown[]): readonly string[] | undefined {
  if (!items.every(isMap)) return undefined;
  const candidates = name === 'ports' ? portKeys : [listKeys[name ?? '']];
  return candidates.find((keys) => keys && items.every((item) => isMap(item) && keys[0] in item));
}

const keyDefaults: Readonly<Record<string, string>> = { protocol: 'TCP', operator: 'Equal' };

function keyOf(item: JsonMap, keys: readonly string[]): string {
  const present = keys.filter((key) => item[key] !== undefined && item[key] !== keyDefaults[key]);
  return present.map((key) => `${key}=${String(item[key])}`).join(',');
}

type JsonMap = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The API server omits zero values of most fields, so a zero value equals an absent one. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function sameScalar(wanted: unknown, actual: unknown, path: readonly Segment[]): boolean {
  if (wanted === actual) return true;
  const [parent, name] = [String(path.at(-2)), String(path.at(-1))];
  if (durationFields.has(name)) return same(wanted, actual, (value) => goDuration(String(value)));
  if (quantityParents.has(parent) || quantityFields.has(name)) {
    return same(wanted, actual, (value) => quantity(String(value)));
  }
  return false;
}

function same(
  wanted: unknown,
  actual: unknown,
  measure: (value: unknown) => bigint | number | undefined,
): boolean {
  const [one, other] = [measure(wanted), measure(actual)];
  return one !== undefined && one === other;
}

function shown(side: 'from' | 'to', value: unknown, secret: boolean): Partial<Field> {
  if (value === undefined) return {};
  return { [side]: secret ? hidden(value) : (value as Value) };
}

function hidden(value: unknown): Value {
  if (isMap(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidden(inner)]));
  }
  return new Secret(String(value));
}
