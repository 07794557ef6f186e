import { agentRef } from '../cluster/nodes.ts';
import type { ObjectChange } from '../cluster/objects.ts';
import { previewObject } from '../cluster/preview.ts';
import { applyNodeAccess } from '../nodes/apply.ts';
import { diffNodeAccess, removeNodeAccess } from '../nodes/diff.ts';
import { plannedHosts } from '../nodes/hosts.ts';
import { nodesHealth, waitForNodes } from '../nodes/ready.ts';
import { type NodeAccessState, observeForRemoval, observeNodeAccess } from '../nodes/state.ts';
import type { Step } from './context.ts';

/**
 * Makes nodes pull images of other registries from ECR under their own names, so that neither workloads nor
 * static pods change. An agent on each node keeps one file per registry, with the current token.
 */
export const nodeAccess: Step<NodeAccessState, ObjectChange> = {
  id: 'node-access',
  title: 'nodes that pull from ECR',
  group: 'nodes',
  needs: ['aws', 'cluster'],
  rights: [
    { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'create', 'patch', 'delete'] },
    { apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['get', 'list', 'create', 'patch', 'delete'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets'],
      verbs: ['get', 'list', 'create', 'patch', 'delete'],
    },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch', 'delete'] },
    { apiGroups: [''], resources: ['pods/log', 'secrets'], verbs: ['get'] },
    { apiGroups: [''], resources: ['nodes', 'pods', 'events'], verbs: ['list'] },
    { apiGroups: [''], resources: ['pods'], verbs: ['delete'] },
    { apiGroups: ['apps'], resources: ['deployments', 'statefulsets'], verbs: ['list'] },
    { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['list'] },
  ],
  removalRights: [{ apiGroups: ['apps'], resources: ['daemonsets'], verbs: ['patch'] }],
  observe: observeNodeAccess,
  diff: diffNodeAccess,
  preview: previewObject,
  apply: applyNodeAccess,
  ready: async ({ isOn }, run) => (isOn ? waitForNodes(run) : undefined),
  summary: ({ isOn, nodeCount, hosts }) => {
    if (!isOn) return { text: 'node access is off' };
    const mirrored = plannedHosts(hosts).join(', ') || 'no registry yet';
    return {
      text: `${nodeCount} ${nodeCount === 1 ? 'node pulls' : 'nodes pull'} ${mirrored} from ECR`,
      members: { of: 'nodes', count: nodeCount },
    };
  },
  health: async ({ isOn, wanted }, ctx) => {
    const lacksAgent = wanted.some(({ desired, actual }) => desired.kind === agentRef.kind && !actual);
    return isOn ? nodesHealth(ctx, !lacksAgent) : [];
  },
  render: async (ctx) => (await observeNodeAccess(ctx)).wanted.map(({ desired }) => desired),
  observeRemoval: observeForRemoval,
  remove: removeNodeAccess,
};
