import type { KubeObject } from '../../cluster/port.ts';
import { renderTemplate } from '../../manifests/templates.ts';
import type { Context, Step } from '../context.ts';
import { type Coverage, foreignFindings, namespaceSelector, observeCoverage } from '../coverage.ts';
import {
  applyObjects,
  diffObjects,
  type ObjectsState,
  observeObjects,
  owned,
  removeObjects,
} from '../objects.ts';
import { managedBy } from '../ownership.ts';
import { copiesHealth } from './health.ts';
import { membersOf, waitForCopies, waitUntilGone } from './ready.ts';

export interface CopiesState extends ObjectsState {
  readonly coverage: Coverage;
}

/** Makes the operator keep a copy of the pull secret in every other namespace. */
export const pullSecretNamespaces: Step<CopiesState> = {
  id: 'pull-secret-namespaces',
  title: 'pull secret in every namespace',
  needs: ['cluster'],
  rights: [
    {
      apiGroups: ['external-secrets.io'],
      resources: ['clusterexternalsecrets'],
      verbs: ['get', 'create', 'patch', 'delete'],
    },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['list', 'patch'] },
    { apiGroups: [''], resources: ['namespaces', 'secrets', 'events'], verbs: ['list'] },
  ],
  async observe(ctx) {
    const coverage = await observeCoverage(ctx);
    return { ...(await observeObjects(ctx.cluster, await copyObjects(ctx, coverage))), coverage };
  },
  diff(state) {
    const { changes, findings } = diffObjects(state);
    return { changes, findings: [...findings, ...foreignFindings(state.coverage)] };
  },
  apply: applyObjects,
  ready: async (_, run) => membersOf(await waitForCopies(run)),
  health: (_, ctx) => copiesHealth(ctx),
  render: async (ctx) => copyObjects(ctx, await observeCoverage(ctx)),
  remove: removeObjects,
  removed: waitUntilGone,
};

async function copyObjects({ config }: Context, coverage: Coverage): Promise<readonly KubeObject[]> {
  const objects = await renderTemplate('namespaces', {
    pullSecret: config.pullSecret.name,
    copyEvery: config.pullSecret.copyEvery,
    labels: managedBy,
    namespaceSelector: namespaceSelector(coverage),
  });
  return objects.map(owned);
}
