import type { KubeObject } from '../../clients/kubernetes/port.ts';
import {
  type NamespaceCoverage,
  excludeMark,
  namespaceSelector,
  observeCoverage,
} from '../../cluster/coverage.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import {
  annotated,
  type ObjectsState,
  observeObjects,
  withManagedLabel,
  alsoDeleting,
} from '../../cluster/objects.ts';
import { operatorKind } from '../../cluster/operator-api.ts';
import { renderTemplate } from '../../cluster/templates.ts';
import { managedBy, operatorNamespace } from '../../core/ownership.ts';
import type { ExternalSecretsContext } from '../context.ts';
import { listManagedSecrets } from './ready.ts';

export interface DistributionState extends ObjectsState {
  readonly coverage: NamespaceCoverage;
}

const distributionKind = 'ClusterExternalSecret';

export async function observeDistribution(ctx: ExternalSecretsContext): Promise<DistributionState> {
  const coverage = await observeCoverage(ctx);
  return { ...(await observeObjects(ctx.cluster, await distributionObjects(ctx, coverage))), coverage };
}

/** What creates copies, for earlier names of the pull secret too, and copies that nothing would delete. */
export async function observeDistributionForRemoval(ctx: ExternalSecretsContext): Promise<DistributionState> {
  const [state, earlier, orphans] = await Promise.all([
    observeDistribution(ctx),
    earlierPullSecrets(ctx),
    orphanedCopies(ctx),
  ]);
  const earlierDistributions = earlier.flatMap(({ objects }) =>
    objects.filter(({ kind }) => kind === distributionKind),
  );
  return { ...state, ...alsoDeleting(state, [...earlierDistributions, ...orphans]) };
}

export const renderDistribution = async (ctx: ExternalSecretsContext): Promise<readonly KubeObject[]> =>
  distributionObjects(ctx, await observeCoverage(ctx));

async function distributionObjects(
  { config, cluster }: ExternalSecretsContext,
  coverage: NamespaceCoverage,
): Promise<readonly KubeObject[]> {
  const { exclude } = config.namespaces;
  const distribution = await operatorKind(cluster, distributionKind);
  const actual = await cluster.get({ ...distribution, name: config.pullSecret.name });
  const objects = await renderTemplate('namespaces', {
    operatorApi: distribution.apiVersion,
    pullSecret: config.pullSecret.name,
    copyEvery: config.pullSecret.copyEvery,
    labels: managedBy,
    namespaceSelector: namespaceSelector(coverage, exclude, actual),
  });
  return objects.map((object) => annotated(withManagedLabel(object), excludeMark(exclude)));
}

/** Managed copies without an owner. Kubernetes deletes the others with their owner. */
async function orphanedCopies({ cluster }: ExternalSecretsContext): Promise<readonly KubeObject[]> {
  const copies = await listManagedSecrets(cluster);
  return copies.filter(
    ({ metadata: { namespace, ownerReferences = [] } }) =>
      namespace !== operatorNamespace && ownerReferences.length === 0,
  );
}
