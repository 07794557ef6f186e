import type { KubeObject } from '../../cluster/port.ts';
import { renderTemplate } from '../../manifests/templates.ts';
import type { Context, Step } from '../context.ts';
import { namespaceSelector, observeCoverage } from '../coverage.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectsState,
  observeObjects,
  owned,
  removeObjects,
} from '../objects.ts';
import { managedBy, operatorNamespace } from '../ownership.ts';
import { renewalHealth } from './health.ts';
import { waitForRenewal } from './ready.ts';

/**
 * Makes the operator renew the pull secret in its own namespace: from the access key in Secrets Manager to a token
 * of the registry, and a store through which the other namespaces may read that one Secret.
 */
export const pullSecretRenewal: Step<ObjectsState> = {
  id: 'pull-secret-renewal',
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
  ],
  observe: async (ctx) => observeObjects(ctx.cluster, await renewalObjects(ctx)),
  diff: (state) => diffObjects(state),
  apply: applyObjects,
  ready: (_, run) => waitForRenewal(run),
  health: renewalHealth,
  render: renewalObjects,
  remove: removeObjects,
};

async function renewalObjects(ctx: Context): Promise<readonly KubeObject[]> {
  const { aws, pullSecret, users } = ctx.config;
  const objects = await renderTemplate('renewal', {
    namespace: operatorNamespace,
    region: aws.region,
    user: users.imagePuller.name,
    pullSecret: pullSecret.name,
    renewEvery: pullSecret.renewEvery,
    labels: managedBy,
    namespaceSelector: namespaceSelector(await observeCoverage(ctx)),
  });
  return objects.map(owned);
}
