import type { z } from 'zod';

/** The paths of all settings in a schema, for example `users.imagePuller.name`. */
export function settingsIn(schema: z.core.$ZodType, path: readonly string[] = []): string[] {
  const { def } = schema._zod as { readonly def: Definition };
  if (def.innerType) return settingsIn(def.innerType, path);
  if (def.type !== 'object' || !def.shape) return [path.join('.')];
  return Object.entries(def.shape).flatMap(([key, inner]) => settingsIn(inner, [...path, key]));
}

interface Definition {
  readonly type: string;
  /** The inner type of a default, a prefault or an optional. */
  readonly innerType?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
}
