import type { KubeObject } from '../clients/kubernetes/port.ts';
import { renderTemplate } from '../cluster/templates.ts';
import type { Context, Step } from './context.ts';
import {
  type Coverage,
  coverageRights,
  excludeMark,
  unmanagedCopyFindings,
  inUseFindings,
  namespaceSelector,
  observeCoverage,
} from '../cluster/coverage.ts';
import { earlierPullSecrets } from '../cluster/earlier-pull-secrets.ts';
import {
  annotated,
  applyObjects,
  diffObjects,
  type ObjectsState,
  observeObjects,
  owned,
  removeObjects,
  withFound,
} from '../cluster/objects.ts';
import { managedBy, operatorNamespace } from '../core/ownership.ts';
import { copiesHealth } from '../external-secrets/copies/health.ts';
import {
  listManagedSecrets,
  membersOf,
  waitForCopies,
  waitUntilGone,
} from '../external-secrets/copies/ready.ts';

export interface CopiesState extends ObjectsState {
  readonly coverage: Coverage;
}

const distribution = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ClusterExternalSecret' };

/** Makes the operator keep a copy of the pull secret in every other namespace. */
export const pullSecretDistribution: Step<CopiesState> = {
  id: 'pull-secret-distribution',
  title: 'pull secret in every namespace',
  needs: ['cluster'],
  rights: [
    {
      apiGroups: ['external-secrets.io'],
      resources: ['clusterexternalsecrets'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['list', 'patch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ...coverageRights,
  ],
  async observe(ctx) {
    const coverage = await observeCoverage(ctx);
    return { ...(await observeObjects(ctx.cluster, await copyObjects(ctx, coverage))), coverage };
  },
  diff(state, { config }) {
    const { changes, findings } = diffObjects(state);
    return {
      changes,
      findings: [
        ...findings,
        ...unmanagedCopyFindings(state.coverage),
        ...inUseFindings(state.coverage, config.pullSecret.name),
      ],
    };
  },
  apply: applyObjects,
  ready: async (_, run) => membersOf(await waitForCopies(run)),
  health: (_, ctx) => copiesHealth(ctx),
  render: async (ctx) => copyObjects(ctx, await observeCoverage(ctx)),
  async observeRemoval(ctx) {
    const coverage = await observeCoverage(ctx);
    const [state, earlier, stray] = await Promise.all([
      observeObjects(ctx.cluster, await copyObjects(ctx, coverage)),
      earlierPullSecrets(ctx),
      strayCopies(ctx),
    ]);
    const fanOuts = earlier.flatMap(({ objects }) =>
      objects.filter(({ kind }) => kind === distribution.kind),
    );
    return { ...withFound(state, [...fanOuts, ...stray]), coverage };
  },
  remove: removeObjects,
  removed: waitUntilGone,
};

/** Managed copies that nothing keeps any more. The others go with what keeps them. */
async function strayCopies({ cluster }: Context): Promise<readonly KubeObject[]> {
  const copies = await listManagedSecrets(cluster);
  return copies.filter(
    ({ metadata: { namespace, ownerReferences = [] } }) =>
      namespace !== operatorNamespace && ownerReferences.length === 0,
  );
}

async function copyObjects({ config, cluster }: Context, coverage: Coverage): Promise<readonly KubeObject[]> {
  const { exclude } = config.namespaces;
  const actual = await cluster.get({ ...distribution, name: config.pullSecret.name });
  const objects = await renderTemplate('namespaces', {
    pullSecret: config.pullSecret.name,
    copyEvery: config.pullSecret.copyEvery,
    labels: managedBy,
    namespaceSelector: namespaceSelector(coverage, exclude, actual),
  });
  return objects.map((object) => annotated(owned(object), excludeMark(exclude)));
}
