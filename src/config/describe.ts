import { z } from 'zod';
import { configSchema } from './schema.ts';

/** The part of JSON Schema that zod uses for this configuration. */
export interface KeySchema {
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly KeySchema[];
  readonly items?: KeySchema;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, KeySchema>>;
  readonly required?: readonly string[];
}

/** The configuration as JSON Schema, for editors, the reference and `init`. */
export const jsonSchema = (): KeySchema =>
  z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' }) as KeySchema;

/** A readable type of a value: `cluster | all | list`. */
export function typeOf(schema: KeySchema): string {
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.enum) return schema.enum.map(String).join(' | ');
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'values'}`;
  if (schema.type === 'object') return 'mapping';
  return schema.type ?? 'value';
}
