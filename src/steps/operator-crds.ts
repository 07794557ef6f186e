import { operatorVersion } from '../core/ownership.ts';
import type { Step } from './context.ts';
import { applyObjects, diffObjects, type ObjectChange } from '../cluster/objects.ts';
import { previewObject } from '../cluster/preview.ts';
import {
  type CrdsState,
  manifestFindings,
  observeCrds,
  observeCrdsForRemoval,
  unservedFindings,
  waitUntilServed,
  wantedCrds,
} from '../external-secrets/crds/crds.ts';
import { helmFindings, otherOperatorFindings } from '../external-secrets/crds/other-operators.ts';
import { removeCrds } from '../external-secrets/crds/remove.ts';

/** The CRDs of External Secrets Operator. Later steps create objects of these kinds. */
export const operatorCrds: Step<CrdsState, ObjectChange> = {
  id: 'operator-crds',
  title: 'External Secrets Operator CRDs',
  group: 'operator',
  subject: () => `External Secrets Operator ${operatorVersion}`,
  needs: ['cluster'],
  rights: [
    {
      apiGroups: ['apiextensions.k8s.io'],
      resources: ['customresourcedefinitions'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: ['apps'], resources: ['deployments'], verbs: ['list'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['list'] },
  ],
  removalRights: [
    {
      apiGroups: ['external-secrets.io', 'generators.external-secrets.io'],
      resources: ['*'],
      verbs: ['list'],
    },
  ],

  observe: observeCrds,

  diff(state, { config }) {
    if (!config.externalSecrets.install) return { changes: [], findings: unservedFindings(state) };
    const otherOperators = otherOperatorFindings(state.controllers, state.unserved.length === 0);
    if (otherOperators.length > 0) return { changes: [], findings: otherOperators };
    const { changes, findings } = diffObjects(state);
    return {
      changes,
      findings: [...manifestFindings(state), ...findings, ...helmFindings(state.controllers)],
    };
  },

  preview: previewObject,
  async apply(changes, _, run) {
    const outcomes = await applyObjects(changes, run);
    run.ctx.cluster.forgetKinds();
    return outcomes;
  },

  async ready({ wanted }, run) {
    if (wanted.length > 0) await waitUntilServed(run);
  },

  summary: ({ wanted }) => (wanted.length > 0 ? { text: `${wanted.length} CRDs` } : undefined),

  render: wantedCrds,
  observeRemoval: observeCrdsForRemoval,
  remove: removeCrds,
};
