import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';

/** One modification of the operator manifest. */
export interface Patch {
  /** What it changes, for the error message. */
  readonly what: string;
  /** `Deployment external-secrets` for one object, `Deployment` for every object of the kind, `*` for every object. */
  readonly objects: string;
  /** Fields from the root of the object; `*` is each item of a list. The last field may be absent. */
  readonly path: string;
  /** Which of the values to change; by default all. */
  readonly where?: (value: unknown) => boolean;
  /** The required number of matches in all objects together. */
  readonly times: number;
  /** Returns the new value; undefined removes the field. */
  readonly set: (value: unknown) => unknown;
}

/**
 * Returns copies of the objects with the patches applied in order.
 * @throws BootstrapError `patch-mismatch` when a patch does not match exactly as often as required
 */
export function applyPatches(objects: readonly KubeObject[], patches: readonly Patch[]): KubeObject[] {
  return patches.reduce(applyPatch, [...objects]);
}

function applyPatch(objects: readonly KubeObject[], patch: Patch): KubeObject[] {
  const matches = new Map<string, number>();
  const path = patch.path.split('.');
  const patched = objects.map((object) => {
    const name = `${object.kind} ${object.metadata.name}`;
    if (![name, object.kind, '*'].includes(patch.objects)) return object;
    matches.set(name, 0);
    return change(object, path, (value) => {
      if (patch.where?.(value) === false) return value;
      matches.set(name, (matches.get(name) ?? 0) + 1);
      return patch.set(value);
    }) as KubeObject;
  });
  check(patch, matches);
  return patched;
}

type Setter = (value: unknown) => unknown;

/** A copy of `value` whose fields at `path` are changed. A path that ends early changes nothing. */
function change(value: unknown, [field, ...rest]: readonly string[], set: Setter): unknown {
  if (field === undefined) return set(value);
  if (field === '*') return Array.isArray(value) ? value.map((item) => change(item, rest, set)) : value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { [field]: before, ...others } = value as Record<string, unknown>;
  const after = change(before, rest, set);
  if (after === before) return value;
  return after === undefined ? others : { ...value, [field]: after };
}

function check({ what, path, objects, times }: Patch, matches: ReadonlyMap<string, number>): void {
  const total = [...matches.values()].reduce((sum, count) => sum + count, 0);
  if (total === times) return;
  const each = [...matches].map(([name, count]) => `${name}: ${count}`);
  throw new BootstrapError({
    code: 'patch-mismatch',
    what: `could not patch the operator manifest: ${what}`,
    why: `${path} must match ${times} times and matched ${total} times (${each.join(', ') || `no ${objects}`})`,
    hint: 'Use the unchanged external-secrets.yaml of release v0.12.1 with --manifest or externalSecrets.manifest.',
  });
}
