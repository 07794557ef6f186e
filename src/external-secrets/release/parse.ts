import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { refuseAliasBomb } from '../../core/yaml-aliases.ts';
import { BootstrapError, reasonOf } from '../../core/errors.ts';

/**
 * Reads every document of a YAML file; empty documents are left out.
 * @param from file or URL, for the error
 * @throws BootstrapError `manifest-unusable` for invalid YAML or a document that is not a Kubernetes object
 */
export async function parseObjects(text: string, from: string): Promise<KubeObject[]> {
  const { CORE_SCHEMA, loadAll } = await import('js-yaml');
  const read = (): unknown[] => {
    const all = loadAll(text, null, { schema: CORE_SCHEMA });
    refuseAliasBomb(all);
    return all;
  };
  const documents = attempt(read, from).filter((document) => document != null);
  return documents.map((document, index) => {
    if (isObject(document)) return document;
    throw unusable(
      from,
      `document ${index + 1} is not a Kubernetes object: apiVersion, kind or name is missing`,
    );
  });
}

/** @param why what is wrong with the manifest */
export function unusable(from: string, why: string, cause?: unknown): BootstrapError {
  return new BootstrapError(
    {
      code: 'manifest-unusable',
      what: `could not use the operator manifest ${from}`,
      why,
      hint:
        'Download external-secrets.yaml of release v0.12.1 on a machine with internet access. ' +
        'Then pass the file with --manifest or set externalSecrets.manifest.',
    },
    { cause },
  );
}

function attempt<T>(parse: () => T, from: string): T {
  try {
    return parse();
  } catch (error) {
    throw unusable(from, `it is not valid YAML: ${reasonOf(error)}`, error);
  }
}

function isObject(document: unknown): document is KubeObject {
  if (typeof document !== 'object' || document === null) return false;
  const { apiVersion, kind, metadata } = document as Record<string, unknown>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return false;
  return typeof metadata === 'object' && metadata !== null && 'name' in metadata;
}
