import type { KubeObject } from '../../clients/kubernetes/port.ts';
import type { Finding } from '../../core/findings.ts';
import type { ExternalSecretsContext } from '../context.ts';
import type { ObjectsState } from '../../cluster/objects.ts';
import { operatorNamespace } from '../../core/ownership.ts';
import { withoutOperator } from '../pull-secret/resync.ts';
import { syncFinding, syncOf } from '../sync.ts';
import { tokenFinding } from '../tokens.ts';

const synced = new Set(['SecretStore', 'ClusterSecretStore', 'ExternalSecret']);

/** What the operator says about each object of the chain, and how long the token in its own namespace lasts. */
export async function renewalHealth(
  state: ObjectsState,
  ctx: ExternalSecretsContext,
): Promise<readonly Finding[]> {
  const objects = [...state.observed.values()].filter(({ kind }) => synced.has(kind));
  const secrets = await ctx.inventory.pullSecrets();
  const original = secrets.find(({ metadata }) => metadata.namespace === operatorNamespace);
  return [
    ...(original ? await withoutOperator(ctx, 'the pull secret is not renewed') : []),
    ...(await syncFindings(objects, ctx)),
    ...(original ? [tokenFinding(original, ctx.clock.now())] : []),
  ];
}

async function syncFindings(
  objects: readonly KubeObject[],
  ctx: ExternalSecretsContext,
): Promise<readonly Finding[]> {
  const failing = objects.filter((object) => syncOf(object, []).state === 'failing');
  if (failing.length === 0) return [];
  const warnings = await ctx.inventory.warnings();
  return failing.flatMap((object) => syncFinding(object, syncOf(object, warnings)));
}
