import type { AwsState } from '../../sandbox/index.ts';

/** Saves the state of an AWS account. @returns a function that restores it, except for the clock */
export function saveAws({ identities, registry, secrets }: AwsState): () => void {
  const kept = secrets.all();
  const restoreFields = saveFields([
    identities.users,
    identities.keys,
    identities.policies,
    registry.repositories,
    kept,
  ]);
  return () => {
    for (const secret of secrets.all()) secret.deletion = { at: 0, gone: 0 };
    restoreFields();
    for (const secret of kept) secrets.add(secret);
    identities.settle();
  };
}

/** Saves the contents of maps, sets, arrays and objects, recursively. */
function saveFields(root: object): () => void {
  const restore = new Map<object, () => void>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || restore.has(value))
      continue;
    const { parts, putBack } = contentOf(value);
    restore.set(value, putBack);
    waiting.push(...parts);
  }
  return () => {
    for (const putBack of restore.values()) putBack();
  };
}

function contentOf(value: object): { parts: unknown[]; putBack: () => void } {
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)];
    const putBack = (): void => {
      value.clear();
      for (const [key, part] of entries) value.set(key, part);
    };
    return { parts: entries.flat(), putBack };
  }
  if (value instanceof Set) {
    const parts = [...(value as Set<unknown>)];
    const putBack = (): void => {
      value.clear();
      for (const part of parts) value.add(part);
    };
    return { parts, putBack };
  }
  const fields = Object.entries(value);
  const putBack = (): void => {
    for (const name of Object.keys(value)) {
      if (!fields.some(([field]) => field === name)) Reflect.deleteProperty(value, name);
    }
    // Read-only fields still hold their values.
    for (const [name, part] of fields) if (Reflect.get(value, name) !== part) Reflect.set(value, name, part);
  };
  return { parts: fields.map(([, part]): unknown => part), putBack };
}
