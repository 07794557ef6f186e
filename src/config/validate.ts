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

/**
 * @throws BootstrapError `config-invalid` that tells all that is wrong: file, line, key and, for an unknown key, the
 * nearest known one
 */
export function validate(values: Tree, source: Source): Config {
  // Without `aws` it is the region that is missing.
  const result = configSchema.safeParse({ aws: {}, ...values }, { reportInput: true });
  if (result.success) return result.data;
  const mistakes = result.error.issues.flatMap((issue) => explain(issue, source));
  throw new BootstrapError({
    code: 'config-invalid',
    what: 'read the configuration',
    why: mistakes.map(({ place, why }) => `${place} ${why}`).join('; '),
    hint: [...new Set(mistakes.map(({ hint }) => hint))].join(' '),
  });
}

interface Mistake {
  /** Where the value was given, and its key. */
  readonly place: string;
  readonly why: string;
  readonly hint: string;
}

function explain(issue: z.core.$ZodIssue, source: Source): Mistake[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) => ({
      place: placed([...issue.path, unknown], source),
      why: 'is not a key of the configuration',
      hint: suggest(unknown, issue.path),
    }));
  }
  const hint = hintFor(documentedKey(issue.path), issue);
  return [{ place: placed(issue.path, source), why: reason(issue), hint }];
}

/** The flag or variable that gave the value, which says by its name what it sets; else the key, in the file with its line. */
function placed(path: readonly PropertyKey[], { file, text, origins }: Source): string {
  const key = path.join('.') || 'the configuration';
  const origin = origins?.get(keyWithoutIndex(path));
  if (origin !== undefined && origin !== file) return origin;
  if (file === undefined) return key;
  const line = text === undefined ? undefined : lineOf(text, path);
  return `${line ? `${file}:${line}` : file}: ${key}`;
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
  const isNumber = typeof issue.input === 'number';
  if (issue.code === 'too_small') {
    return `${shortly(issue.input)} is too ${isNumber ? 'small' : 'short'}: at least ${issue.minimum}`;
  }
  if (issue.code === 'too_big') {
    return `${shortly(issue.input)} is too ${isNumber ? 'large' : 'long'}: at most ${issue.maximum}`;
  }
  if (issue.code === 'invalid_key') return issue.issues.map(reason).join('; ');
  if (issue.code === 'invalid_union') return issue.errors.flat().map(reason).join('; or ');
  return issue.code === 'invalid_format' ? `${shortly(issue.input)} ${issue.message}` : issue.message;
}

/** A value as it is named in a message; its kind, where it is long or not plain. */
function shortly(value: unknown): string {
  const text = typeof value === 'object' ? 'a list or mapping' : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function hintFor(key: string, issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'string' && typeof issue.input === 'number') {
    return `Put the value in quotes: "${issue.input}". See ${key} in docs/configuration.md.`;
  }
  if (key === 'project')
    return 'Give --project NAME, or `project: NAME` in ecr-bootstrap.yaml (ecr-bootstrap init).';
  if (key === 'aws.region') return 'Give --region REGION, AWS_REGION, or `aws.region` in ecr-bootstrap.yaml.';
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

/** What is inside a list or a mapping of free keys is documented with it. */
function documentedKey(path: readonly PropertyKey[]): string {
  let length = 0;
  while (length < path.length && keysAt(path.slice(0, length)).includes(String(path[length]))) length += 1;
  return path.slice(0, length).join('.');
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
