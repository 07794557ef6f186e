import { isDeepStrictEqual } from 'node:util';
import {
  type FieldSet,
  type ManagedFields,
  union,
  withoutRelease,
} from '../clients/kubernetes/managed-fields.ts';
import { entryPath, isMap, lastName, type Segment } from './path.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';

type Report = (path: readonly Segment[], value: unknown) => void;

/**
 * Reports managed fields that are no longer desired, for example an environment variable that was removed from the
 * configuration. The next apply removes them. Fields of other managers are ignored.
 * @param isOwn selects the entries of `managedFields` that count as managed
 */
export function findLeftovers(
  wanted: KubeObject,
  actual: KubeObject,
  isOwn: (entry: ManagedFields) => boolean,
  report: Report,
): void {
  const { managedFields = [] } = actual.metadata as { managedFields?: readonly ManagedFields[] };
  const fields = managedFields.filter(isOwn).map(({ fieldsV1 = {} }) => withoutRelease(fieldsV1));
  walk(fields.reduce(union, {}), wanted, actual, [], report);
}

function walk(
  fields: FieldSet,
  wanted: unknown,
  actual: unknown,
  path: readonly Segment[],
  report: Report,
): void {
  for (const [key, inner] of Object.entries(fields)) {
    const child = childOf(key, wanted, actual, path);
    if (!child || child.actual === undefined) continue;
    if (child.wanted !== undefined) walk(inner, child.wanted, child.actual, child.path, report);
    else if (!isDefault(child.path, child.actual)) report(child.path, child.actual);
  }
}

/** The API server records defaults as set by the creator of the object, and sets them again when they are removed. */
const defaults: Readonly<Record<string, unknown>> = {
  progressDeadlineSeconds: 600,
  revisionHistoryLimit: 10,
  strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
  imagePullPolicy: 'IfNotPresent',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  terminationGracePeriodSeconds: 30,
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  sessionAffinity: 'None',
  internalTrafficPolicy: 'Cluster',
};

function isDefault(path: readonly Segment[], value: unknown): boolean {
  if (isMap(value) && Object.keys(value).length === 0) return true;
  return isDeepStrictEqual(defaults[lastName(path) ?? ''], value);
}

interface Child {
  readonly wanted: unknown;
  readonly actual: unknown;
  readonly path: readonly Segment[];
}

function childOf(key: string, wanted: unknown, actual: unknown, path: readonly Segment[]): Child | undefined {
  const name = key.slice(2);
  if (key.startsWith('f:') && isMap(wanted) && isMap(actual)) {
    return { wanted: wanted[name], actual: actual[name], path: [...path, name] };
  }
  if (!key.startsWith('k:') || !Array.isArray(wanted) || !Array.isArray(actual)) return undefined;
  const identity = JSON.parse(name) as Readonly<Record<string, unknown>>;
  const text = Object.entries(identity).map(([field, value]) => `${field}=${String(value)}`);
  const isMatch = (item: unknown): boolean => isEntry(item, identity);
  return {
    wanted: wanted.find(isMatch),
    actual: actual.find(isMatch),
    path: entryPath(path, text.join(','), isMatch),
  };
}

/** The key in `managedFields` has the protocol of a port also when the object omits the default. */
const isEntry = (item: unknown, identity: Readonly<Record<string, unknown>>): boolean =>
  isMap(item) &&
  Object.entries(identity).every(
    ([field, value]) => (item[field] ?? (field === 'protocol' ? 'TCP' : undefined)) === value,
  );
