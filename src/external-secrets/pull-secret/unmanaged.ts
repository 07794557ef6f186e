import { refOf, targetOf } from '../../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject } from '../../clients/kubernetes/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { inParallel, tolerating } from '../../core/members.ts';
import type { ChangeWith, Outcome } from '../../core/step.ts';
import { Secret } from '../../core/secret.ts';
import { ownerOf } from '../../cluster/objects.ts';
import { asAdoption, managedBy } from '../../core/ownership.ts';
import type { ExternalSecretsContext, ExternalSecretsRun } from '../context.ts';
import { observeCoverage } from '../../cluster/coverage.ts';
import { pullSecretType } from './objects.ts';

/** Concurrent requests. */
const concurrency = 8;

/** Unmanaged pull secrets without an owner. One with an owner is left out: its owner would overwrite it again. */
export async function unmanagedPullSecrets(ctx: ExternalSecretsContext): Promise<readonly KubeObject[]> {
  const { unmanaged } = await observeCoverage(ctx);
  const secrets = unmanaged
    .map(({ object }) => object)
    .filter(({ kind, metadata }) => kind === 'Secret' && (metadata.ownerReferences ?? []).length === 0);
  // Lists of metadata do not have the type of a Secret.
  const found = await Promise.all(secrets.map((object) => getIfAllowed(ctx.cluster, object)));
  return found.filter((object) => object !== undefined);
}

/** Undefined without permission to read it; the namespace is then reported as unmanaged. */
async function getIfAllowed(cluster: ClusterPort, object: KubeObject): Promise<KubeObject | undefined> {
  try {
    return await cluster.get(refOf(object));
  } catch (error) {
    if (error instanceof BootstrapError && error.code === 'cluster-denied') return undefined;
    throw error;
  }
}

/** Adopts a pull secret in a namespace of users. */
export interface PullSecretAdoption {
  readonly does: 'adoptPullSecret';
  readonly object: KubeObject;
}

/** The operator renews adopted Secrets. Until their adoption, their namespaces are skipped, so they are optional. */
export function adoptionsOf(secrets: readonly KubeObject[]): ChangeWith<PullSecretAdoption>[] {
  return secrets.map((object) => {
    const target = targetOf(refOf(object));
    const payload = { does: 'adoptPullSecret', object } as const;
    const change: ChangeWith<PullSecretAdoption> = isPullSecretType(object)
      ? {
          action: 'update',
          target,
          fields: [{ path: 'data[".dockerconfigjson"]', to: new Secret('') }],
          payload,
        }
      : {
          action: 'replace',
          target,
          fields: [{ path: 'type', from: String(object['type']), to: pullSecretType }],
          payload,
        };
    return asAdoption(change, { owner: ownerOf(object), optional: true });
  });
}

const isPullSecretType = (object: KubeObject): boolean => object['type'] === pullSecretType;

/** Labels each Secret as managed, or deletes it if it must be replaced: the operator then recreates it with a token. */
export async function adoptPullSecrets(
  changes: readonly ChangeWith<PullSecretAdoption>[],
  run: ExternalSecretsRun,
): Promise<Outcome[]> {
  const { cluster } = run.ctx;
  const outcomes = await inParallel(concurrency, changes, run, async ({ action, payload: { object } }) => {
    const { apiVersion, kind, name, namespace = '' } = refOf(object);
    if (action === 'replace') return cluster.delete(refOf(object), { uid: object.metadata.uid });
    await cluster.apply({ apiVersion, kind, metadata: { name, namespace, labels: managedBy } });
  });
  return tolerating(outcomes);
}
