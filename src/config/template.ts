import { jsonSchema, type KeySchema } from './describe.ts';

export interface Template {
  /** The first lines of the file. */
  readonly heading: readonly string[];
  /** Values to write, by key path; all other keys are written as comments with their defaults. */
  readonly values: ReadonlyMap<string, string>;
  /** Comments by key path, to write above the key. */
  readonly remarks: ReadonlyMap<string, string>;
}

/** The text of a commented configuration file. */
export function configTemplate(template: Template): string {
  const lines = [
    ...template.heading.map((line) => `# ${line}`),
    '# Configuration of ecr-bootstrap. Only `project` and `aws.region` are required; a key that is commented out',
    '# shows its default. `ecr-bootstrap config` prints the effective values. For completion in editors, the',
    '# package contains schema/ecr-bootstrap.schema.json.',
  ];
  for (const [key, schema] of Object.entries(jsonSchema().properties ?? {})) {
    lines.push('', ...block(key, schema, key, template));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * A top-level key. Without a value, the whole block is a comment. It is valid YAML without the
 * first `# ` of each line.
 */
function block(key: string, schema: KeySchema, path: string, template: Template): string[] {
  const active = isActive(path, template);
  const lines = entry(key, schema, path, template, active);
  return active ? lines : lines.map((line) => `# ${line}`);
}

const isActive = (path: string, { values }: Template): boolean =>
  [...values.keys()].some((set) => set === path || set.startsWith(`${path}.`));

/** @param inActive whether the surrounding section is active. If so, a key without a value becomes a comment. */
function entry(
  key: string,
  schema: KeySchema,
  path: string,
  template: Template,
  inActive: boolean,
): string[] {
  const { properties, description } = schema;
  const remark = template.remarks.get(path);
  const about = [description, remark].flatMap((text) => (text ? [`# ${text}`] : []));
  if (!properties) return [...about, valueLine(key, schema, path, template, inActive)];
  const within = Object.entries(properties).flatMap(([child, childSchema]) =>
    entry(child, childSchema, `${path}.${child}`, template, inActive).map((line) => `  ${line}`),
  );
  const lines = [`${key}:`, ...within];
  // A mapping without a default is not set by default, so the template must not set any of its keys.
  const unset = schema.default === undefined && !isActive(path, template) && path.includes('.');
  return [...about, ...(unset ? lines.map((line) => `# ${line}`) : lines)];
}

function valueLine(
  key: string,
  schema: KeySchema,
  path: string,
  { values }: Template,
  inActive: boolean,
): string {
  const value = values.get(path);
  if (value !== undefined) return `${key}: ${value}`;
  if (schema.default === undefined) return `# ${key}:`;
  return `${inActive ? '# ' : ''}${key}: ${JSON.stringify(schema.default)}`;
}
