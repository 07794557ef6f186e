/** Calls `make` when first asked and gives everybody that one answer; a promise that fails is remembered too. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/**
 * The same for a promise, of which a failure is forgotten: it is told to all who waited for it, and who asks later has
 * `make` try again. For what outlives one look: `status --watch` sees what was down come back.
 */
export function onceFulfilled<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () =>
    (made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    }));
}

/** A context is one observation, so what several steps ask about is asked once. */
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
