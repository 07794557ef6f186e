import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import { BootstrapError } from '../errors/index.ts';
import { lineOf, type Tree } from './paths.ts';
import { type Config, configSchema } from './schema.ts';

/** What the values come from, for messages. `text` is the file's, to tell lines. */
export interface Source {
  readonly file?: string;
  readonly text?: string;
  /** By key path, where it is not the file: `--region`, `AWS_REGION`. */
  readonly origins?: ReadonlyMap<string, string>;
}

/** @throws BootstrapError `config-invalid` that names the file, the line, the key and, for an unknown key, the nearest known one */
export function validate(values: Tree, source: Source): Config {
  const result = configSchema.safeParse(values, { reportInput: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (!issue) throw result.error;
  throw explain(issue, source, result.error.issues.length - 1);
}

function explain(issue: z.core.$ZodIssue, source: Source, more: number): BootstrapError {
  const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const path = unknown === undefined ? issue.path : [...issue.path, unknown];
  const key = path.join('.');
  const where = placeOf(path, source);
  const rest = more > 0 ? ` (and ${more} more)` : '';
  return new BootstrapError({
    code: 'config-invalid',
    what: `${where ? `${where}: ` : ''}${key || 'the configuration'}`,
    why: (unknown === undefined ? reason(issue) : 'is not a key of the configuration') + rest,
    hint: unknown === undefined ? hintFor(keyWithoutIndex(path)) : suggest(unknown, issue.path),
  });
}

/** The flag or variable that gave the value, else the file with the line. */
function placeOf(path: readonly PropertyKey[], { file, text, origins }: Source): string | undefined {
  const origin = origins?.get(keyWithoutIndex(path));
  if (origin !== undefined && origin !== file) return origin;
  const line = text === undefined ? undefined : lineOf(text, path);
  return file && line ? `${file}:${line}` : file;
}

/** The key of a list for an entry of it. */
const keyWithoutIndex = (path: readonly PropertyKey[]): string =>
  path.filter((key) => typeof key === 'string').join('.');

function reason(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    return issue.input === undefined
      ? 'is missing'
      : `${shortly(issue.input)} is not of type ${issue.expected}`;
  }
  if (issue.code === 'invalid_value') {
    return `${shortly(issue.input)} is none of ${issue.values.map(String).join(', ')}`;
  }
  if (issue.code === 'invalid_union') return issue.errors.flat().map(reason).join('; or ');
  return issue.code === 'invalid_format' ? `${shortly(issue.input)} ${issue.message}` : issue.message;
}

/** A value as it is named in a message; its kind, where it is long or not plain. */
function shortly(value: unknown): string {
  const text = typeof value === 'object' ? 'a list or mapping' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function hintFor(key: string): string {
  if (key === 'project')
    return 'Give --project NAME, or `project: NAME` in ecr-bootstrap.yaml (ecr-bootstrap init).';
  if (key === 'aws' || key === 'aws.region')
    return 'Give --region REGION, AWS_REGION, or `aws.region` in ecr-bootstrap.yaml.';
  return `See ${key} in docs/configuration.md.`;
}

function suggest(unknown: string, parents: readonly PropertyKey[]): string {
  const known = keysAt(parents);
  const near = known.length > 0 ? closest(unknown, known) : undefined;
  if (near !== undefined && distance(unknown, near) <= Math.max(2, unknown.length / 2)) {
    return `Did you mean ${[...parents, near].join('.')}?`;
  }
  return `Known keys here: ${known.join(', ')}.`;
}

function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: unknown = configSchema;
  for (const key of path) schema = shapeOf(schema)?.[String(key)];
  return Object.keys(shapeOf(schema) ?? {});
}

/** The shape of an object schema below any number of defaults and optionals. */
function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  let at = schema as { shape?: Record<string, unknown>; def?: { innerType?: unknown } } | undefined;
  while (at && !at.shape) at = at.def?.innerType as typeof at;
  return at?.shape;
}
