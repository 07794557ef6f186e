import type { KubeObject } from '../clients/kubernetes/port.ts';
import type { ClusterContext } from './context.ts';
import { oncePerContext } from '../core/once.ts';
import { isManaged } from './objects.ts';
import { operatorKind } from './operator-api.ts';
import {
  annotations,
  keySecretName,
  managedBy,
  managedByLabel,
  operatorNamespace,
} from '../core/ownership.ts';

/** A pull secret of an earlier `pullSecret.name`. Pods that were created with it still use it. */
export interface EarlierPullSecret {
  readonly name: string;
  /** The existing objects that copy and renew it, and the Secret, in the order of their deletion. */
  readonly objects: readonly KubeObject[];
}

const kinds = ['ClusterExternalSecret', 'ExternalSecret', 'Secret'];

/** Finds them by label, because the configuration no longer contains their names. */
export const earlierPullSecrets = oncePerContext(find);

async function find({ cluster, config, inventory }: ClusterContext): Promise<readonly EarlierPullSecret[]> {
  const labelSelector = `${managedByLabel}=${managedBy[managedByLabel]}`;
  const [distributions, externalSecrets, secrets] = await Promise.all([
    cluster.list(await operatorKind(cluster, 'ClusterExternalSecret'), { labelSelector, metadataOnly: true }),
    inventory.externalSecrets(),
    cluster.list(
      { apiVersion: 'v1', kind: 'Secret' },
      { namespace: operatorNamespace, labelSelector, metadataOnly: true },
    ),
  ]);
  const own = externalSecrets.filter(({ metadata }) => metadata.namespace === operatorNamespace);
  const objects = [
    ...distributions,
    ...own,
    ...secrets.filter(({ metadata }) => metadata.annotations?.[annotations.expiresAt] !== undefined),
  ].filter((object) => isManaged(object));
  const names = new Set(objects.map(({ metadata }) => metadata.name));
  for (const current of [config.pullSecret.name, keySecretName]) names.delete(current);
  // Copies that a manually changed ClusterExternalSecret creates here; it deletes them once it is repaired.
  for (const { metadata } of own) if (metadata.ownerReferences?.length) names.delete(metadata.name);
  return [...names].sort().map((name) => ({
    name,
    objects: objects
      .filter(({ metadata }) => metadata.name === name)
      .sort((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind)),
  }));
}
