import type { OperatorWorld } from './operator-world.ts';

type Stored = NonNullable<ReturnType<OperatorWorld['inside']['get']>>;

/** Changes a stored object without a request to the API server. */
export function edit(
  { inside }: OperatorWorld,
  [kind, name, namespace]: readonly [string, string, string?],
  change: (object: Stored & Record<string, unknown>) => object,
): void {
  const object = inside.get(kind, name, namespace);
  if (!object) throw new Error(`${kind} ${name} is not there`);
  inside.put(change(object) as Stored);
}
