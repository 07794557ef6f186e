import type { KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import { labeled } from '../core/labels.ts';
import { type Finding, finding } from '../core/findings.ts';
import type { Context, Step } from './context.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectChange,
  type ObjectsState,
  observeObjects,
  removeObjects,
} from '../cluster/objects.ts';
import { previewObject } from '../cluster/preview.ts';
import {
  policyName,
  policyObjects,
  policyRefs,
  servedVersion,
} from '../cluster/service-account-policy/policy.ts';
import type { AdmissionPolicy } from '../cluster/admission-policy/rollback.ts';
import { removeUnverified, verifyOrRemove } from '../cluster/admission-policy/verification.ts';
import { verifyPullSecret } from '../cluster/service-account-policy/verification.ts';

interface PolicyState extends ObjectsState {
  /** Undefined where the cluster does not serve MutatingAdmissionPolicy. */
  readonly version: string | undefined;
}

/** An admission policy with which the API server adds the pull secret to each new service account. */
export const serviceAccountPolicy: Step<PolicyState, ObjectChange> = {
  id: 'service-account-policy',
  title: 'admission policy for new service accounts',
  group: 'workloads',
  subject: () => 'admission policy',
  needs: ['cluster'],
  rights: [
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['mutatingadmissionpolicies', 'mutatingadmissionpolicybindings'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['list', 'create', 'update'] },
  ],
  async observe(ctx) {
    const version = await servedVersion(ctx.cluster);
    const isWanted = version !== undefined && ctx.config.serviceAccounts.policy === 'auto';
    const wanted: readonly KubeObject[] = isWanted ? await policyObjects(ctx, version) : [];
    const unwanted: readonly ObjectRef[] = version !== undefined && !isWanted ? policyRefs(version) : [];
    return { ...(await observeObjects(ctx.cluster, wanted, unwanted)), version };
  },
  diff(state, { config }) {
    const { changes, findings } = diffObjects(state);
    const isUnavailable = state.version === undefined && config.serviceAccounts.policy === 'auto';
    return {
      changes: labeled(changes, ({ target: { kind } }) => (kind === policyKind ? purpose : undefined)),
      findings: isUnavailable ? [...findings, unavailable] : findings,
    };
  },
  preview: previewObject,
  async apply(changes, state, run) {
    const outcomes = await applyObjects(changes, run);
    if (state.version !== undefined) await removeUnverified(verified(state.version), outcomes, run);
    return outcomes;
  },
  ready: async (state, run) => {
    if (state.wanted.length === 0 || state.version === undefined) return;
    await verifyOrRemove(verified(state.version), state, run, () => verifyPullSecret(run));
  },
  summary: ({ wanted }) => (wanted.length > 0 ? { text: 'new ones too' } : undefined),
  render: renderPolicy,
  remove: (state) => {
    const { changes, findings } = removeObjects(state);
    const isPolicy = ({ target: { kind } }: ObjectChange): boolean => kind === policyKind;
    return { changes: changes.map((one) => (isPolicy(one) ? one : { ...one, label: '' })), findings };
  },
};

/** The binding belongs to the policy. */
const policyKind = 'MutatingAdmissionPolicy';
const purpose = 'covers new service accounts';

const verified = (version: string): AdmissionPolicy => ({
  refs: policyRefs(version),
  risk: 'the cluster may be unable to create service accounts',
  unverifiedHint:
    'Run `ecr-bootstrap up --only service-accounts` after you create namespaces, or set serviceAccounts.policy: off.',
});

async function renderPolicy(ctx: Context): Promise<readonly KubeObject[]> {
  return policyObjects(ctx, (await servedVersion(ctx.cluster)) ?? 'v1');
}

const unavailable: Finding = finding('policy-unavailable', {
  target: { kind: policyKind, name: policyName },
  what: 'new service accounts do not get the pull secret automatically',
  why: 'the cluster does not serve MutatingAdmissionPolicy (Kubernetes 1.36 and later do; 1.34 and 1.35 have a feature gate for it)',
  hint: 'Run `ecr-bootstrap up --only service-accounts` after you create namespaces, and after `kubeadm upgrade`, which overwrites the service accounts of coredns and kube-proxy.',
});
