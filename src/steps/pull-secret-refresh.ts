import type { Context, Step } from './context.ts';
import { coverageRights } from '../cluster/coverage.ts';
import { type EarlierPullSecret, earlierPullSecrets } from '../cluster/earlier-pull-secrets.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectsState,
  observeObjects,
  removeObjects,
  withFound,
} from '../cluster/objects.ts';
import { renewalHealth } from '../external-secrets/renewal/health.ts';
import { renewalObjects } from '../external-secrets/renewal/objects.ts';
import { waitForRenewal } from '../external-secrets/renewal/ready.ts';
import { regionFindings } from '../external-secrets/renewal/regions.ts';

/**
 * Makes the operator renew the pull secret in its own namespace: from the access key in Secrets Manager to a token
 * of the registry, and a store through which the other namespaces may read that one Secret.
 */
export const pullSecretRefresh: Step<ObjectsState> = {
  id: 'pull-secret-refresh',
  title: 'renewal of the pull secret',
  needs: ['cluster'],
  rights: [
    {
      apiGroups: ['external-secrets.io'],
      resources: ['secretstores', 'externalsecrets', 'clustersecretstores'],
      verbs: ['get', 'list', 'create', 'patch', 'delete'],
    },
    {
      apiGroups: ['generators.external-secrets.io'],
      resources: ['ecrauthorizationtokens'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'create', 'patch', 'delete'] },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['roles', 'rolebindings'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ...coverageRights,
  ],
  observe: async (ctx) => observeObjects(ctx.cluster, await renewalObjects(ctx)),
  diff: (state, { config }) => {
    const { changes, findings } = diffObjects(state);
    return { changes, findings: [...findings, ...regionFindings(config.aws.region)] };
  },
  apply: applyObjects,
  ready: (_, run) => waitForRenewal(run),
  health: renewalHealth,
  render: renewalObjects,
  observeRemoval: async (ctx) => observeRenewal(ctx, await earlierPullSecrets(ctx)),
  remove: removeObjects,
};

/** With what renews pull secrets of earlier names. */
async function observeRenewal(ctx: Context, earlier: readonly EarlierPullSecret[]): Promise<ObjectsState> {
  const state = await observeObjects(ctx.cluster, await renewalObjects(ctx));
  return withFound(
    state,
    earlier.flatMap(({ objects }) => objects.filter(({ kind }) => kind === 'ExternalSecret')),
  );
}
