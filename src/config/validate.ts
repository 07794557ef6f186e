import type { z } from 'zod';
import { BootstrapError, severalErrors } from '../core/errors.ts';
import { closestWord } from '../core/suggestion.ts';
import { docsPage } from '../core/paths.ts';
import { deleteAt, getAt, existingPrefix, setAt, type Tree } from './tree.ts';
import type { LineOf } from './yaml.ts';
import { type Config, configSchema } from './schema.ts';

/** The origin of the values, for messages. */
export interface Source {
  readonly file?: string;
  readonly lineOf?: LineOf;
  /** By key path, the origin of each value that is not from the file: `--region`, `AWS_REGION`. */
  readonly origins?: ReadonlyMap<string, string>;
  /** Explains that the profile does not exist, and so provides no region. */
  readonly noProfile?: string;
}

/**
 * @throws BootstrapError `config-invalid` for each mistake, with file, line, key and how to fix it
 */
export function validate(values: Tree, source: Source): Config {
  const { config, mistakes } = check(values, source);
  if (!config) throw severalErrors(mistakes.map(toError));
  return config;
}

/** The configuration without the wrong values, and the mistakes. */
export interface Checked {
  readonly config: Config;
  readonly mistakes: readonly ConfigProblem[];
}

/**
 * Validates as much as possible, for a command that shows the configuration. A wrong value counts as not set.
 * @param required valid values for keys without a default
 */
export function validateLeniently(values: Tree, source: Source, required: Tree): Checked {
  const mistakes: ConfigProblem[] = [];
  const right = structuredClone(values);
  for (;;) {
    const checked = check(right, source);
    if (checked.config) return { config: checked.config, mistakes };
    const before = structuredClone(right);
    for (const mistake of checked.mistakes) {
      const { path, key, isMissing } = mistake;
      const stand = getAt(required, key);
      if (stand !== undefined) setAt(right, key, stand);
      // A section without a required value cannot be used either.
      // A default can conflict with another value. The section is deleted then.
      else deleteAt(right, existingPrefix(before, isMissing ? path.slice(0, -1) : path));
      mistakes.push(mistake);
    }
  }
}

function check(values: Tree, source: Source): { config?: Config; mistakes: ConfigProblem[] } {
  // Without `aws`, the region is missing.
  const result = configSchema.safeParse({ aws: {}, ...values }, { reportInput: true });
  return result.success
    ? { config: result.data, mistakes: [] }
    : { mistakes: result.error.issues.flatMap((issue) => explain(issue, source)) };
}

/** One `config-invalid` error. */
export const toError = ({ place, why, hint }: ConfigProblem): BootstrapError =>
  new BootstrapError({
    code: 'config-invalid',
    what: 'could not read the configuration',
    why: `${place} ${why}`,
    hint,
  });

export interface ConfigProblem {
  readonly path: readonly PropertyKey[];
  /** The path up to the first entry of a list. */
  readonly key: string;
  readonly isMissing: boolean;
  /** The location of the value, and its key. */
  readonly place: string;
  readonly why: string;
  readonly hint: string;
}

function explain(issue: z.core.$ZodIssue, source: Source): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((unknown) => ({
      ...at([...issue.path, unknown]),
      isMissing: false,
      place: placed([...issue.path, unknown], source),
      why: 'is not a key of the configuration',
      hint: suggest(unknown, issue.path),
    }));
  }
  const hint = hintFor(documentedKey(issue.path), issue, source);
  const isMissing = isAbsent(issue);
  const { noProfile } = source;
  const isRegion = isMissing && documentedKey(issue.path) === 'aws.region';
  const why = isRegion && noProfile !== undefined ? `is missing, and ${noProfile}` : reason(issue);
  return [{ ...at(issue.path), isMissing, place: placed(issue.path, source), why, hint }];
}

const at = (path: readonly PropertyKey[]): Pick<ConfigProblem, 'path' | 'key'> => ({
  path,
  key: keyWithoutIndex(path),
});

/** The flag or variable that set the value, or the key with file and line. */
function placed(path: readonly PropertyKey[], { file, lineOf, origins }: Source): string {
  const key = path.join('.') || 'the configuration';
  const origin = origins?.get(keyWithoutIndex(path));
  if (origin !== undefined && origin !== file) return origin;
  if (file === undefined) return key;
  const line = lineOf?.(path);
  return `${line ? `${file}:${line}` : file}: ${key}`;
}

/** The key of the list, for an entry of a list. */
const keyWithoutIndex = (path: readonly PropertyKey[]): string =>
  path.filter((key) => typeof key === 'string').join('.');

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
};

/** Whether the value is missing. Issues with other codes concern an existing value, but may not contain it. */
const isAbsent = ({ code, input }: z.core.$ZodIssue): boolean =>
  (code === 'invalid_type' || code === 'invalid_value') && input === undefined;

function reason(issue: z.core.$ZodIssue): string {
  if (isAbsent(issue)) return 'is missing';
  if (issue.code === 'invalid_type') {
    return `must be ${kinds[issue.expected] ?? issue.expected}, not ${shortText(issue.input)}`;
  }
  if (issue.code === 'invalid_value') {
    return `${shortText(issue.input)} is not one of ${issue.values.map(String).join(', ')}`;
  }
  const isNumber = typeof issue.input === 'number';
  if (issue.code === 'too_small') {
    return `${shortText(issue.input)} is too ${isNumber ? 'small' : 'short'}: at least ${issue.minimum}`;
  }
  if (issue.code === 'too_big') {
    return `${shortText(issue.input)} is too ${isNumber ? 'large' : 'long'}: at most ${issue.maximum}`;
  }
  if (issue.code === 'invalid_key') return issue.issues.map(reason).join('; ');
  if (issue.code === 'invalid_union') return issue.errors.flat().map(reason).join('; or ');
  return issue.code === 'invalid_format' ? `${shortText(issue.input)} ${issue.message}` : issue.message;
}

/** A value as messages show it. For a list or mapping, only its kind. */
function shortText(value: unknown): string {
  if (value === null) return 'nothing';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'a mapping';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function hintFor(key: string, issue: z.core.$ZodIssue, { file, origins, noProfile }: Source): string {
  if (issue.code === 'invalid_type' && issue.expected === 'string' && typeof issue.input === 'number') {
    return `Put the value in quotes: "${issue.input}". See ${key} in ${docsPage('reference/configuration.md')}`;
  }
  const isMissing = isAbsent(issue);
  if (isMissing && key === 'project')
    return 'Pass --project NAME, or set `project: NAME` in ecr-bootstrap.yaml (ecr-bootstrap init).';
  if (isMissing && key === 'aws.region' && noProfile !== undefined)
    return 'Choose an existing profile with --profile, AWS_PROFILE or aws.profile: `aws configure list-profiles` prints them.';
  if (isMissing && key === 'aws.region')
    return 'Pass --region REGION, or set AWS_REGION, or `aws.region` in ecr-bootstrap.yaml.';
  const origin = origins?.get(key);
  const given = origin === undefined || origin === file ? '' : `Correct ${origin}. `;
  return `${given}See ${key} in ${docsPage('reference/configuration.md')}`;
}

function suggest(unknown: string, parents: readonly PropertyKey[]): string {
  const known = keysAt(parents);
  if (known.length === 0) return `See ${documentedKey(parents)} in ${docsPage('reference/configuration.md')}`;
  const near = closestWord(unknown, known);
  return near === undefined
    ? `Known keys here: ${known.join(', ')}.`
    : `Did you mean ${[...parents, near].join('.')}?`;
}

/** Entries of lists, and of mappings with free keys, are documented with the list or mapping. */
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
