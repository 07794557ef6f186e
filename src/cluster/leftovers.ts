import { isDeepStrictEqual } from 'node:util';
import {
  type FieldSet,
  type ManagedFields,
  union,
  withoutRelease,
} from '../clients/kubernetes/managed-fields.ts';
import { entrySegment, type Segment } from './path.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';

type Report = (path: readonly Segment[], value: unknown) => void;

/**
 * Reports the fields that are ours by the server's record and that we do not want, such as an environment variable
 * that left the configuration. The next apply takes them away. Fields that others have set are none of our business.
 * @param isOurs which entries of the record count as ours
 */
export function findLeftovers(
  wanted: KubeObject,
  actual: KubeObject,
  isOurs: (entry: ManagedFields) => boolean,
  report: Report,
): void {
  const { managedFields = [] } = actual.metadata as { managedFields?: readonly ManagedFields[] };
  const fields = managedFields.filter(isOurs).map(({ fieldsV1 = {} }) => withoutRelease(fieldsV1));
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
    else if (!isFilledIn(child.path, child.actual)) report(child.path, child.actual);
  }
}

/** What the API server fills in by itself counts as set by who made the object, and comes back when it is taken away. */
const filledIn: Readonly<Record<string, unknown>> = {
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

function isFilledIn(path: readonly Segment[], value: unknown): boolean {
  if (isMap(value) && Object.keys(value).length === 0) return true;
  return isDeepStrictEqual(filledIn[String(path.at(-1))], value);
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
  return {
    wanted: wanted.find((item) => isEntry(item, identity)),
    actual: actual.find((item) => isEntry(item, identity)),
    path: [...path.slice(0, -1), entrySegment(path.at(-1), text.join(','))],
  };
}

/** The record spells out a port's protocol also where the object leaves it to the default. */
const isEntry = (item: unknown, identity: Readonly<Record<string, unknown>>): boolean =>
  isMap(item) &&
  Object.entries(identity).every(
    ([field, value]) => (item[field] ?? (field === 'protocol' ? 'TCP' : undefined)) === value,
  );

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
