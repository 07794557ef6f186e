import type { KubeObject } from '../../clients/kubernetes/port.ts';
import { readObjects } from '../../clients/kubernetes/yaml.ts';
import { BootstrapError, reasonOf } from '../../core/errors.ts';

/**
 * Reads every document of a YAML file; empty documents are left out.
 * @param from file or URL, for the error
 * @throws BootstrapError `manifest-unusable` for invalid YAML or a document that is not a Kubernetes object
 */
export async function parseObjects(text: string, from: string): Promise<KubeObject[]> {
  try {
    const objects: KubeObject[] = [];
    for await (const object of readObjects(text)) objects.push(object);
    return objects;
  } catch (error) {
    throw unusable(from, reasonOf(error), error);
  }
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
