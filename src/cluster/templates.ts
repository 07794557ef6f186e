import type { KubeObject } from '../clients/kubernetes/port.ts';
import { readPackageFile } from '../core/paths.ts';

/** Values of placeholders. A list or object can only replace a complete value. */
export type TemplateValues = Readonly<Record<string, string | number | readonly unknown[] | object>>;

const placeholder = /\$\{([a-zA-Z]+)\}/g;

/**
 * The objects of `manifests/NAME.yaml`. Placeholders (`${name}`) are replaced after parsing, so that no value can
 * change the structure of the document.
 * @throws Error for a placeholder without a value or a value without a placeholder, which is a bug
 */
export async function renderTemplate(name: string, values: TemplateValues): Promise<readonly KubeObject[]> {
  const { CORE_SCHEMA, loadAll } = await import('js-yaml');
  const text = readPackageFile(`manifests/${name}.yaml`);
  const used = new Set<string>();
  const valueOf = (key: string): TemplateValues[string] => {
    const value = values[key];
    if (value === undefined) throw new Error(`manifests/${name}.yaml: no value for \${${key}}`);
    used.add(key);
    return value;
  };
  const objects = loadAll(text, null, { schema: CORE_SCHEMA }).map((document) => fillIn(document, valueOf));
  const unused = Object.keys(values).filter((key) => !used.has(key));
  if (unused.length > 0) throw new Error(`manifests/${name}.yaml: nothing uses ${unused.join(', ')}`);
  return objects as KubeObject[];
}

function fillIn(node: unknown, valueOf: (key: string) => TemplateValues[string]): unknown {
  if (Array.isArray(node)) return node.map((item) => fillIn(item, valueOf));
  if (typeof node === 'object' && node !== null) {
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, fillIn(value, valueOf)]));
  }
  if (typeof node !== 'string') return node;
  const sole = /^\$\{([a-zA-Z]+)\}$/.exec(node)?.[1];
  return sole ? valueOf(sole) : node.replace(placeholder, (_, key: string) => textOf(key, valueOf(key)));
}

function textOf(key: string, value: TemplateValues[string]): string {
  if (typeof value === 'object') throw new Error(`\${${key}} is part of a text and its value is not a text`);
  return String(value);
}
