import type { Value } from '../core/schemas.ts';
import type { Field } from '../core/step.ts';
import { Secret } from '../core/secret.ts';
import { findLeftovers } from './leftovers.ts';
import { isManualChange, isManagedApply, type ManagedFields } from '../clients/kubernetes/managed-fields.ts';
import { entryPath, isMap, type JsonMap, lastName, pathText, type Segment } from './path.ts';
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

/**
 * The fields of `wanted` that differ in `actual`, and fields that `up` applied earlier and that are no longer desired.
 * Other fields of `actual` are ignored: defaults, status, fields of other managers. Values of Secrets become
 * {@link Secret}. Field paths: `spec.template.spec.containers[name=webhook].image`, `metadata.labels["a.b/c"]`.
 */
export const compare = (wanted: KubeObject, actual: KubeObject): Field[] =>
  differencesOf(wanted, actual, false).map((difference) => fieldOf(difference, wanted));

/** Compares an object to adopt: fields that a user set and that are not desired differ too. */
export const compareAdopted = (wanted: KubeObject, actual: KubeObject): Field[] =>
  differencesOf(wanted, actual, true).map((difference) => fieldOf(difference, wanted));

/** One field that differs, with its values in plain text. */
export interface Difference {
  readonly path: readonly Segment[];
  readonly from: unknown;
  readonly to: unknown;
}

/** @param adopts also finds the fields that a user set and that are not desired */
export function differencesOf(wanted: KubeObject, actual: KubeObject, adopts: boolean): Difference[] {
  const differences: Difference[] = [];
  const report: Report = (path, from, to) => void differences.push({ path, from, to });
  const isOwn = (entry: ManagedFields): boolean => isManagedApply(entry) || (adopts && isManualChange(entry));
  compareMaps(withoutIdentity(wanted), actual, [], report);
  findLeftovers(wanted, actual, isOwn, (path, value) => {
    const last = path.at(-1);
    const isVariable = typeof last === 'object' && last.list === 'env';
    report(path, adopts ? withoutSecretsOfOthers(value, isVariable) : value, undefined);
  });
  return differences;
}

/** Both objects have it: the other one was read by it. */
function withoutIdentity({ apiVersion: _version, kind: _kind, ...content }: KubeObject): JsonMap {
  const { name: _name, namespace: _namespace, ...metadata } = content.metadata;
  return { ...content, metadata };
}

/** Variables that others set may contain secrets, and so may the copy of a Secret that `kubectl apply` stores. */
function withoutSecretsOfOthers(value: unknown, isVariable = false): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecretsOfOthers(item, isVariable));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === lastApplied || (isVariable && key === 'value')
        ? [key, hiddenValue]
        : [key, withoutSecretsOfOthers(inner, key === 'env')],
    ),
  );
}

const hiddenValue = '(hidden)';

function fieldOf({ path, from, to }: Difference, wanted: KubeObject): Field {
  const isHidden = isSecretPath(path, wanted);
  return { path: pathText(path), ...shown('from', from, isHidden), ...shown('to', to, isHidden) };
}

/** Whether the field may contain values of a Secret. */
export const isSecretPath = (path: readonly Segment[], { kind }: KubeObject): boolean =>
  kind === 'Secret' && (path[0] === 'data' || path[0] === 'stringData' || path.at(-1) === lastApplied);

/** `kubectl apply` stores a copy of the whole object in this annotation, with secret values. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

type Report = (path: readonly Segment[], from: unknown, to: unknown) => void;

function compareAny(wanted: unknown, actual: unknown, path: readonly Segment[], report: Report): void {
  if (wanted === null || (isEmpty(wanted) && isEmpty(actual))) return;
  if (Array.isArray(wanted) && Array.isArray(actual)) return compareLists(wanted, actual, path, report);
  if (isMap(wanted) && isMap(actual)) return compareMaps(wanted, actual, path, report);
  if (!sameScalar(wanted, actual, path)) report(path, actual, wanted);
}

function compareMaps(wanted: JsonMap, actual: JsonMap, path: readonly Segment[], report: Report): void {
  for (const [key, value] of Object.entries(wanted)) {
    compareAny(value, actual[key], [...path, key], report);
  }
}

function compareLists(
  wanted: readonly unknown[],
  actual: readonly unknown[],
  path: readonly Segment[],
  report: Report,
): void {
  const keys = keysOf(lastName(path), wanted);
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
    const here = entryPath(path, key, (other) => isMap(other) && keyOf(other, keys) === key);
    const counterpart = found.get(key);
    if (counterpart) compareMaps(item, counterpart, here, report);
    else report(here, undefined, item);
  }
}

function keysOf(name: string | undefined, items: readonly unknown[]): readonly string[] | undefined {
  if (!items.every(isMap)) return undefined;
  const candidates = name === 'ports' ? portKeys : [listKeys[name ?? '']];
  return candidates.find((keys) => keys && items.every((item) => isMap(item) && keys[0] in item));
}

const keyDefaults: Readonly<Record<string, string>> = { protocol: 'TCP', operator: 'Equal' };

function keyOf(item: JsonMap, keys: readonly string[]): string {
  const present = keys.filter((key) => item[key] !== undefined && item[key] !== keyDefaults[key]);
  return present.map((key) => `${key}=${String(item[key])}`).join(',');
}

/** The API server omits zero values of most fields, so a zero value equals an absent one. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function sameScalar(wanted: unknown, actual: unknown, path: readonly Segment[]): boolean {
  if (wanted === actual) return true;
  const [parent = '', name = ''] = [lastName(path.slice(0, -1)), lastName(path)];
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
