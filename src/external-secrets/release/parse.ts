import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { refuseAliasBomb } from '../../core/yaml-aliases.ts';
import { BootstrapError, reasonOf } from '../../core/errors.ts';

/**
 * Reads every document of a YAML file; empty documents are left out.
 * @param from file or URL, for the error
 * @throws BootstrapError `manifest-unusable` when it is no YAML or holds something that is no Kubernetes object
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
    throw unusable(from, `document ${index + 1} is no Kubernetes object: it has no apiVersion, kind or name`);
  });
}

/** @param why what was found instead of the operator's YAML */
export function unusable(from: string, why: string, cause?: unknown): BootstrapError {
  return new BootstrapError(
    {
      code: 'manifest-unusable',
      what: `read the operator's YAML from ${from}`,
      why,
      hint:
        'Fetch external-secrets.yaml of release v0.12.1 where the internet can be reached, ' +
        'and name the local file with --manifest or in externalSecrets.manifest.',
    },
    { cause },
  );
}

function attempt<T>(parse: () => T, from: string): T {
  try {
    return parse();
  } catch (error) {
    throw unusable(from, `it is no YAML: ${reasonOf(error)}`, error);
  }
}

function isObject(document: unknown): document is KubeObject {
  if (typeof document !== 'object' || document === null) return false;
  const { apiVersion, kind, metadata } = document as Record<string, unknown>;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return false;
  return typeof metadata === 'object' && metadata !== null && 'name' in metadata;
}
