import {
  diffStuckPods,
  observeStuckPods,
  type PlannedAccess,
  type RestartChange,
  restartPods,
  type StuckPod,
} from '../nodes/stuck-pods.ts';
import { coverageRights } from '../cluster/coverage.ts';
import type { Step } from './context.ts';

/**
 * Recreates pods that cannot pull only because they are older than their pull secret, the list of their service account,
 * or node access. Part of `up --restart-stuck`. The kubelet alone never starts those that lack the pull secret.
 */
export const stuckPodsAfter = (planned: PlannedAccess): Step<readonly StuckPod[], RestartChange> => ({
  id: 'stuck-pods',
  title: 'pods that are older than their access to ECR',
  group: 'workloads',
  needs: ['aws', 'cluster'],
  rights: [
    ...coverageRights,
    { apiGroups: [''], resources: ['pods'], verbs: ['list', 'delete'] },
    { apiGroups: [''], resources: ['nodes', 'events'], verbs: ['list'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['get', 'list'] },
  ],
  observe: (ctx) => observeStuckPods(ctx, planned),
  diff: diffStuckPods,
  apply: (changes, _, run) => restartPods(changes, run),
});
