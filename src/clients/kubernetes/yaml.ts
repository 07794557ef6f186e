import { once } from '../../core/once.ts';

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
