import { z } from 'zod';
import { documentSchemas, usageErrorSchema } from '../../src/output/schemas.ts';

/** The document of a command, which fits its schema and has no other fields. */
export function parseDocument(text: string): object {
  const document = JSON.parse(text) as { readonly command: string };
  const { command } = document;
  const schema = Object.hasOwn(documentSchemas, command)
    ? documentSchemas[command as keyof typeof documentSchemas]
    : usageErrorSchema;
  const { error } = schema.safeParse(document);
  if (error) throw new Error(`the document of ${command} differs from its schema: ${z.prettifyError(error)}`);
  return document;
}
