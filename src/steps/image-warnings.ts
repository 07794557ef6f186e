import { applyObjects, type ObjectChange, removeObjects } from '../cluster/objects.ts';
import { removeUnverified, verifyOrRemove } from '../cluster/admission-policy/verification.ts';
import { previewObject } from '../cluster/preview.ts';
import { labeled } from '../core/labels.ts';
import { isCopy } from '../mirror/copies.ts';
import { diffWarnings, outdatedFindings, withListChanges } from '../mirror/warnings/findings.ts';
import { warningPolicyKind, warningPolicyObjects } from '../mirror/warnings/policy.ts';
import { observeWarnings, observeWarningsForRemoval, type WarningsState } from '../mirror/warnings/state.ts';
import { inactiveFindings, verifyWarnings, warningPolicy } from '../mirror/warnings/verification.ts';
import type { Step } from './context.ts';

/** An admission policy with which the API server warns about images that ECR does not have. It rejects nothing. */
export const imageWarnings: Step<WarningsState, ObjectChange> = {
  id: 'image-warnings',
  title: 'warnings about images not in ECR',
  group: 'images',
  topic: 'image-warnings',
  needs: ['aws', 'cluster'],
  rights: [
    {
      apiGroups: ['admissionregistration.k8s.io'],
      resources: ['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    // A policy with ConfigMaps as parameters may be written by users who may get every ConfigMap.
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'create', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['podtemplates'], verbs: ['create'] },
  ],
  observe: (ctx) => observeWarnings(ctx),
  diff(state, { config }) {
    const { changes, findings } = diffWarnings(state, config.images.warnings === 'auto');
    return { changes: labeled(changes, labelOf), findings };
  },
  estimate: async (changes, ctx, planned) =>
    labeled(await withListChanges(changes, planned.filter(isCopy), ctx), labelOf),
  preview: (change) => (change.target.kind === 'ConfigMap' ? undefined : previewObject(change)),
  async apply(changes, _state, run) {
    const outcomes = await applyObjects(changes, run);
    await removeUnverified(warningPolicy, outcomes, run);
    return outcomes;
  },
  ready: async (state, run) => {
    if (state.wanted.length > 0)
      await verifyOrRemove(warningPolicy, state, run, () => verifyWarnings(state, run));
  },
  summary: ({ wanted }) => (wanted.length > 0 ? { text: 'kubectl warns about others' } : undefined),
  health: async (state, ctx) => [...outdatedFindings(state), ...(await inactiveFindings(state, ctx))],
  render: ({ config }) => warningPolicyObjects(config),
  observeRemoval: observeWarningsForRemoval,
  remove(state) {
    const { changes, findings } = removeObjects(state);
    return {
      changes: changes.map((one) =>
        one.target.kind === warningPolicyKind.kind ? one : { ...one, label: '' },
      ),
      findings,
    };
  },
};

/** The lists and the binding belong to the policy. */
const labelOf = ({ target: { kind } }: ObjectChange): string | undefined =>
  kind === warningPolicyKind.kind ? 'for images not in ECR' : undefined;
