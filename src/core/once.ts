/** Calls `make` once, and returns its result to every caller. A rejected promise is kept too. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/**
 * The same for a promise, except that a rejection is not kept: the next caller tries again. So `status --watch`
 * notices when a service is available again.
 */
export function onceFulfilled<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}

/** Calls `make` once for each key, and returns its result to every caller. A rejected promise is kept too. */
export function oncePerKey<T>(make: (key: string) => T): (key: string) => T {
  const made = new Map<string, () => T>();
  return (key) => {
    const get = made.get(key) ?? once(() => make(key));
    made.set(key, get);
    return get();
  };
}

/** A context is one observation, so data that several steps need is read once per context. */
export function oncePerContext<Ctx extends object, T>(
  observe: (ctx: Ctx) => Promise<T>,
): (ctx: Ctx) => Promise<T> {
  const seen = new WeakMap<Ctx, Promise<T>>();
  return (ctx) => {
    const known = seen.get(ctx) ?? observe(ctx);
    seen.set(ctx, known);
    return known;
  };
}
