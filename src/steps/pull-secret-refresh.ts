import type { Context, Step } from './context.ts';
import { labeled } from '../core/labels.ts';
import { coverageRights } from '../cluster/coverage.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectChange,
  type ObjectsState,
  observeObjects,
  removeObjects,
} from '../cluster/objects.ts';
import { previewObject } from '../cluster/preview.ts';
import { regionFindings } from '../external-secrets/regions.ts';
import {
  observeRenewalForRemoval,
  renewalHealth,
  renewalObjects,
  waitForRenewal,
} from '../external-secrets/renewal.ts';

/**
 * Makes the operator renew the pull secret in its namespace. The operator reads the access key from Secrets
 * Manager and gets a token from ECR. A ClusterSecretStore lets the other namespaces read only this Secret.
 */
export const pullSecretRefresh: Step<ObjectsState, ObjectChange> = {
  id: 'pull-secret-refresh',
  title: 'pull secret renewal',
  group: 'pull-secrets',
  subject: ({ config }) => `pull secret "${config.pullSecret.name}"`,
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
    const labelOf = ({ payload }: ObjectChange): string | undefined =>
      payload.applies?.kind === 'ECRAuthorizationToken' ? renewal(config) : undefined;
    return {
      changes: labeled(changes, labelOf),
      findings: [...findings, ...regionFindings(config.aws.region)],
    };
  },
  preview: previewObject,
  apply: (changes, _, run) => applyObjects(changes, run),
  ready: (_, run) => waitForRenewal(run),
  health: renewalHealth,
  summary: (_, { config }) => ({ text: renewal(config) }),
  render: renewalObjects,
  observeRemoval: observeRenewalForRemoval,
  remove: removeObjects,
};

const renewal = ({ pullSecret: { renewEvery } }: Context['config']): string =>
  `renewed every ${renewEvery === '1h' ? 'hour' : renewEvery}`;
