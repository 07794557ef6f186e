import { refOf } from '../clients/kubernetes/names.ts';
import type { Change, Outcome } from '../core/step.ts';
import { type Finding, finding } from '../core/findings.ts';
import { nameOf } from '../core/target.ts';
import type { Step } from './context.ts';
import {
  applyObjects,
  diffObjects,
  keyOf,
  type ObjectsState,
  observeManaged,
  observeObjects,
  removeObjects,
} from '../cluster/objects.ts';
import { operatorNamespace } from '../core/ownership.ts';
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
export const operator: Step<ObjectsState> = {
  id: 'operator',
  title: 'External Secrets Operator',
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
    if (!install) return { ...(await observeManaged(ctx.cluster, operatorRefs())), unwanted: [] };
    const unwanted = caBundle === undefined ? [refOf(noAuthorities)] : [];
    return observeObjects(ctx.cluster, await wantedObjects(ctx), unwanted);
  },

  diff: (state, { config }) =>
    config.externalSecrets.install ? diffObjects(state) : { changes: [], findings: keptFindings(state) },

  async apply(changes, state, run) {
    const [early, late] = split(changes, state);
    const outcomes = await applyObjects(early, state, run);
    if (late.length === 0) return outcomes;
    if (outcomes.some(({ result }) => result !== 'done')) return [...outcomes, ...late.map(skipped)];
    await waitForCertificate(run);
    return [...outcomes, ...(await applyObjects(late, state, run))];
  },

  async ready({ wanted }, run) {
    if (wanted.length > 0) await waitUntilServing(run);
  },

  health: async ({ observed }, ctx) => (observed.size === 0 ? [] : operatorHealth(ctx)),

  render: wantedObjects,

  observeRemoval: ({ cluster }) => observeManaged(cluster, operatorRefs()),

  remove: removeObjects,
};

/**
 * Reports an operator that `up` installed before `externalSecrets.install` was set to false. Deleting it would
 * stop renewal.
 */
function keptFindings({ observed }: ObjectsState): Finding[] {
  if (![...observed.values()].some(({ kind }) => kind === 'Deployment')) return [];
  return [
    finding('operator-kept', {
      target: { kind: 'Deployment', name: `${operatorNamespace}/external-secrets` },
      what: 'the External Secrets Operator that ecr-bootstrap installed is still in use',
      why: 'externalSecrets.install is false: `ecr-bootstrap up` no longer updates or repairs this operator, and only `ecr-bootstrap down` deletes it',
      hint: 'Set externalSecrets.install: true to keep it managed. To replace it, run `ecr-bootstrap down`, install the other operator, then run `ecr-bootstrap up`.',
    }),
  ];
}

/** Splits the changes into those that can be applied at once, and those that need the webhook's certificate. */
function split(changes: readonly Change[], { wanted }: ObjectsState): [Change[], Change[]] {
  const waiting = new Set(wanted.filter(isAfterCertificate).map((object) => keyOf(refOf(object))));
  const isLate = ({ action, target }: Change): boolean => action !== 'delete' && waiting.has(nameOf(target));
  return [changes.filter((change) => !isLate(change)), changes.filter(isLate)];
}

const skipped = (change: Change): Outcome => ({ change, result: 'skipped' });
