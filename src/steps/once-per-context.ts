import type { Context } from './context.ts';

/** A context is one observation, so what several steps ask about is asked once. */
export function oncePerContext<T>(observe: (ctx: Context) => Promise<T>): (ctx: Context) => Promise<T> {
  const seen = new WeakMap<Context, Promise<T>>();
  return (ctx) => {
    const known = seen.get(ctx) ?? observe(ctx);
    seen.set(ctx, known);
    return known;
  };
}
