import { refOf } from '../clients/kubernetes/names.ts';
import { skipped } from '../core/members.ts';
import { type Finding, finding } from '../core/findings.ts';
import type { Step } from './context.ts';
import {
  applyObjects,
  diffObjects,
  existing,
  type ObjectChange,
  type ObjectsState,
  observeManaged,
  observeObjects,
  removeObjects,
} from '../cluster/objects.ts';
import { previewObject } from '../cluster/preview.ts';
import { operatorNamespace, operatorVersion } from '../core/ownership.ts';
import { operatorHealth } from '../external-secrets/operator/health.ts';
import { waitForCertificate, waitUntilServing } from '../external-secrets/operator/readiness.ts';
import {
  isAfterCertificate,
  noAuthorities,
  operatorRefs,
  wantedObjects,
} from '../external-secrets/operator/objects.ts';

const write = ['get', 'create', 'patch', 'delete'];

/** External Secrets Operator. Its image comes from ECR, with the pull secret of step `pull-secret-bootstrap`. */
export const operator: Step<ObjectsState, ObjectChange> = {
  id: 'operator',
  title: 'External Secrets Operator',
  group: 'operator',
  subject: () => `External Secrets Operator ${operatorVersion}`,
  needs: ['cluster'],
  // Kubernetes requires `escalate` and `bind` to grant the operator permissions that the caller lacks.
  rights: [
    { apiGroups: [''], resources: ['serviceaccounts', 'secrets', 'services', 'configmaps'], verbs: write },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterroles', 'roles'],
      verbs: [...write, 'escalate', 'bind'],
    },
    {
      apiGroups: ['rbac.authorization.k8s.io'],
      resources: ['clusterrolebindings', 'rolebindings'],
      verbs: write,
    },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: write },
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['validatingwebhookconfigurations'],
      verbs: write,
    },
    { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'delete'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['create'] },
  ],

  async observe(ctx) {
    const { install, caBundle } = ctx.config.externalSecrets;
    if (!install) return observeManaged(ctx.cluster, operatorRefs());
    const unwanted = caBundle === undefined ? [refOf(noAuthorities)] : [];
    return observeObjects(ctx.cluster, await wantedObjects(ctx), unwanted);
  },

  diff: (state, { config }) =>
    config.externalSecrets.install ? diffObjects(state) : { changes: [], findings: keptFindings(state) },

  preview: previewObject,
  async apply(changes, _, run) {
    const early = changes.filter((change) => !needsCertificate(change));
    const late = changes.filter(needsCertificate);
    const outcomes = await applyObjects(early, run);
    if (late.length === 0) return outcomes;
    if (outcomes.some(({ result }) => result !== 'done')) {
      return [...outcomes, ...skipped(late)];
    }
    await waitForCertificate(run);
    return [...outcomes, ...(await applyObjects(late, run))];
  },

  async ready({ wanted }, run) {
    if (wanted.length > 0) await waitUntilServing(run);
  },

  health: async (state, ctx) => (existing(state).length === 0 ? [] : operatorHealth(ctx)),

  summary: ({ wanted }) => ({
    text: wanted.length > 0 ? `External Secrets Operator ${operatorVersion}` : 'not managed by ecr-bootstrap',
  }),

  render: wantedObjects,

  observeRemoval: ({ cluster }) => observeManaged(cluster, operatorRefs()),

  remove: removeObjects,
};

/**
 * Reports an operator that `up` installed before `externalSecrets.install` was set to false. Deleting it would
 * stop renewal.
 */
function keptFindings(state: ObjectsState): Finding[] {
  if (!existing(state).some(({ kind }) => kind === 'Deployment')) return [];
  return [
    finding('operator-kept', {
      target: { kind: 'Deployment', name: `${operatorNamespace}/external-secrets` },
      what: 'the External Secrets Operator that ecr-bootstrap installed is still in use',
      why: 'externalSecrets.install is false: `ecr-bootstrap up` no longer updates or repairs this operator, and only `ecr-bootstrap down` deletes it',
      hint: 'Set externalSecrets.install: true to keep it managed. To replace it, run `ecr-bootstrap down`, install the other operator, then run `ecr-bootstrap up`.',
    }),
  ];
}

const needsCertificate = ({ payload: { applies } }: ObjectChange): boolean =>
  applies !== undefined && isAfterCertificate(applies);
