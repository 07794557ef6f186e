import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { ClusterContext } from './context.ts';
import { oncePerContext } from '../core/once.ts';
import { isManaged } from './objects.ts';
import {
  annotations,
  keySecretName,
  managedBy,
  managedByLabel,
  operatorNamespace,
} from '../core/ownership.ts';

/** A pull secret whose name an earlier `pullSecret.name` gave. Pods that were created then still pull with it. */
export interface EarlierPullSecret {
  readonly name: string;
  /** What copies it, what renews it, and the Secret itself, as far as they are there: in the order of their deletion. */
  readonly objects: readonly KubeObject[];
}

const group = 'external-secrets.io/v1beta1';
const kinds = ['ClusterExternalSecret', 'ExternalSecret', 'Secret'];

/** Found by the label, for no setting names them any more. */
export const earlierPullSecrets = oncePerContext(find);

async function find({ cluster, config, inventory }: ClusterContext): Promise<readonly EarlierPullSecret[]> {
  const labelSelector = `${managedByLabel}=${managedBy[managedByLabel]}`;
  const [fanOuts, externalSecrets, secrets] = await Promise.all([
    cluster.list({ apiVersion: group, kind: 'ClusterExternalSecret' }, { labelSelector, metadataOnly: true }),
    inventory.externalSecrets(),
    cluster.list(
      { apiVersion: 'v1', kind: 'Secret' },
      { namespace: operatorNamespace, labelSelector, metadataOnly: true },
    ),
  ]);
  const own = externalSecrets.filter(({ metadata }) => metadata.namespace === operatorNamespace);
  const objects = [
    ...fanOuts,
    ...own,
    ...secrets.filter(({ metadata }) => metadata.annotations?.[annotations.expiresAt] !== undefined),
  ].filter((object) => isManaged(object));
  const names = new Set(objects.map(({ metadata }) => metadata.name));
  for (const current of [config.pullSecret.name, keySecretName]) names.delete(current);
  // A fan-out that was changed by hand may copy to here, under another name. It deletes the copy once it is repaired.
  for (const { metadata } of own) if (metadata.ownerReferences?.length) names.delete(metadata.name);
  return [...names].sort().map((name) => ({
    name,
    objects: objects
      .filter(({ metadata }) => metadata.name === name)
      .sort((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind)),
  }));
}
