import type { Step } from './context.ts';
import { labeled } from '../core/labels.ts';
import { coverageRights, inUseFindings, unmanagedCopyFindings } from '../cluster/coverage.ts';
import { applyObjects, diffObjects, type ObjectChange, removeObjects } from '../cluster/objects.ts';
import { previewObject } from '../cluster/preview.ts';
import { copiesHealth } from '../external-secrets/copies/copies.ts';
import {
  type DistributionState,
  observeDistribution,
  observeDistributionForRemoval,
  renderDistribution,
} from '../external-secrets/copies/objects.ts';
import { membersOf, waitForCopies, waitUntilGone } from '../external-secrets/copies/ready.ts';

/** Makes the operator keep a copy of the pull secret in every other namespace. */
export const pullSecretDistribution: Step<DistributionState, ObjectChange> = {
  id: 'pull-secret-distribution',
  title: 'pull secret in every namespace',
  group: 'pull-secrets',
  subject: ({ config }) => `pull secret "${config.pullSecret.name}"`,
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
  observe: observeDistribution,
  diff(state, { config }) {
    const { changes, findings } = diffObjects(state);
    return {
      changes: labeled(changes, () => namespaces(state)),
      findings: [
        ...findings,
        ...unmanagedCopyFindings(state.coverage),
        ...inUseFindings(state.coverage, config.pullSecret.name),
      ],
    };
  },
  preview: previewObject,
  apply: (changes, _, run) => applyObjects(changes, run),
  ready: async (_, run) => membersOf(await waitForCopies(run)),
  health: (_, ctx) => copiesHealth(ctx),
  summary: ({ coverage: { covered, ignored } }) => {
    const members = { of: 'namespaces', count: covered.length };
    const excluded = ignored.length > 0 ? ` (${ignored.length} excluded)` : '';
    return {
      text: `copied to ${members.count} ${members.count === 1 ? 'namespace' : members.of}${excluded}`,
      members,
    };
  },
  render: renderDistribution,
  observeRemoval: observeDistributionForRemoval,
  remove: removeObjects,
  removed: waitUntilGone,
};

/** The namespaces that get a copy. */
function namespaces({ coverage: { covered } }: DistributionState): string {
  return covered.length === 1 ? '1 namespace' : `${covered.length} namespaces`;
}
