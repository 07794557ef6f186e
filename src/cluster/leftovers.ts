import { entrySegment, type Segment } from './path.ts';
import type { KubeObject } from './port.ts';

/** The API server's record of who set what, as far as it is read here. */
interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly fieldsV1?: FieldSet;
}

/** Nested by `f:NAME` (a field) and `k:{"name":"web"}` (an entry of a list that is merged by key). */
interface FieldSet {
  readonly [key: string]: FieldSet;
}

type Report = (path: readonly Segment[], value: unknown) => void;

/**
 * Reports the fields that we applied once and want no more, such as an environment variable that left the
 * configuration. The next apply takes them away. Fields that others have set are none of our business.
 */
export function findLeftovers(
  wanted: KubeObject,
  actual: KubeObject,
  fieldManager: string,
  report: Report,
): void {
  const { managedFields = [] } = actual.metadata as { managedFields?: readonly ManagedFields[] };
  const ours = managedFields.find((one) => one.manager === fieldManager && one.operation === 'Apply');
  if (ours?.fieldsV1) walk(ours.fieldsV1, wanted, actual, [], report);
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
    if (child.wanted === undefined) report(child.path, child.actual);
    else walk(inner, child.wanted, child.actual, child.path, report);
  }
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
