import { setImmediate } from 'node:timers/promises';
import { reasonOf } from '../../core/errors.ts';
import { once } from '../../core/once.ts';
import { refuseAliasBomb } from '../../core/yaml-aliases.ts';
import type { KubeObject } from './port.ts';

/** Words that are booleans in YAML 1.1. js-yaml supports only those of YAML 1.2. */
const words = { true: /^(y|yes|true|on)$/i, false: /^(n|no|false|off)$/i };
const isBoolean = (text: unknown): boolean =>
  typeof text === 'string' &&
  (words.true.test(text) || words.false.test(text)) &&
  /^(?:[a-z]+|[A-Z][a-z]*|[A-Z]+)$/.test(text);

const library = once(async () => {
  const { DEFAULT_SCHEMA, loadAll, Type } = await import('js-yaml');
  const scalar = (name: string, isOne: (text: unknown) => boolean, construct: (text: string) => unknown) =>
    new Type(`tag:yaml.org,2002:${name}`, { kind: 'scalar', resolve: isOne, construct });
  const schema = DEFAULT_SCHEMA.extend({
    implicit: [
      scalar('bool', isBoolean, (text) => words.true.test(text)),
      scalar(
        'timestamp',
        () => false,
        (text) => text,
      ),
    ],
  });
  return (content: string): unknown[] => loadAll(content, null, { schema, json: true });
});

/**
 * Reads YAML or JSON as kubectl does (sigs.k8s.io/yaml): only the first document, in YAML 1.1, where `yes` is a
 * boolean. A date is text. If a key occurs twice, the last value counts.
 */
export async function readYaml(content: string): Promise<unknown> {
  const loadAll = await library();
  return loadAll(content)[0];
}

/**
 * Reads the objects of a stream of manifests as kubectl does. Parses one document at a time, so that a long stream needs
 * little memory and can be interrupted. Empty documents are left out, and Lists are replaced by their items.
 * @throws Error that names the document
 */
export async function* readObjects(content: string): AsyncGenerator<KubeObject, void, undefined> {
  const loadAll = await library();
  for (const { text, number, line } of documentsOf(content)) {
    const where = `document ${number} (line ${line})`;
    for (const value of parse(() => loadAll(text), text, where)) {
      if (value != null) yield* objectsIn(value, where);
    }
    await setImmediate();
  }
}

interface Document {
  readonly text: string;
  /** From 1. */
  readonly number: number;
  /** Its first line, from 1. */
  readonly line: number;
}

/** A line that begins with `---` begins a document, wherever it is. Comments and directives alone are no document. */
function* documentsOf(content: string): Generator<Document, void, undefined> {
  const starts = [0, ...Array.from(content.matchAll(/^---(?=\s|$)/gm), ({ index }) => index), content.length];
  let [number, line] = [0, 1];
  for (const [index, end] of starts.slice(1).entries()) {
    const text = content.slice(starts[index], end);
    if (/^[^\S\n]*[^\s#%]/m.test(text)) yield { text, number: (number += 1), line };
    line += text.match(/\n/g)?.length ?? 0;
  }
}

function parse(load: () => unknown[], text: string, where: string): unknown[] {
  try {
    const values = load();
    refuseAliasBomb(values, text.length);
    return values;
  } catch (error) {
    throw new Error(`${where} is not valid YAML: ${reasonOf(error)}`, { cause: error });
  }
}

/** @param typed what the items of a list of one kind need not repeat, as in a PodList */
function* objectsIn(value: unknown, where: string, typed = {}): Generator<KubeObject, void, undefined> {
  const fields = typeof value === 'object' && value !== null ? { ...typed, ...value } : {};
  const { apiVersion, kind, metadata, items } = fields as Record<string, unknown>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    throw new Error(`${where} is not a Kubernetes object: apiVersion or kind is missing`);
  }
  if (kind.endsWith('List') && Array.isArray(items)) {
    const type = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) };
    for (const item of items as readonly unknown[]) yield* objectsIn(item, where, type);
    return;
  }
  const { name, generateName } = (metadata ?? {}) as Record<string, unknown>;
  const text = [name, generateName].find((one) => typeof one === 'string') ?? '';
  yield {
    ...fields,
    apiVersion,
    kind,
    metadata: { ...(metadata as object), name: text },
  };
}
