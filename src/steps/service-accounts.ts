import type { KubeObject } from '../clients/kubernetes/port.ts';
import { operatorNamespace } from '../core/ownership.ts';
import type { Step } from './context.ts';
import {
  additions,
  applyEntries,
  type EntryChange,
  previewEntries,
  removal,
} from '../cluster/service-accounts/changes.ts';
import {
  observeEntries,
  observeServiceAccounts,
  type ServiceAccountsState,
} from '../cluster/service-accounts/covered.ts';
import { ignoredAccountFinding, refusalFindings } from '../cluster/service-accounts/findings.ts';
import { pullFindings } from '../cluster/service-accounts/pulls.ts';
import { mirroringForPods } from '../mirror/internet.ts';
import { sourceNaming } from '../mirror/pulled-images.ts';

/** Without one, the run still creates service accounts. */
const isOfOperator = ({ metadata }: KubeObject): boolean => metadata.namespace === operatorNamespace;

/** Adds the pull secret to every service account, so that pods use it without listing it themselves. */
export const serviceAccounts: Step<ServiceAccountsState, EntryChange> = {
  id: 'service-accounts',
  title: 'service accounts that use the pull secret',
  group: 'workloads',
  needs: ['cluster'],
  rights: [
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'list', 'patch'] },
    { apiGroups: [''], resources: ['namespaces', 'pods', 'nodes', 'events'], verbs: ['list'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['get'] },
  ],
  removalRights: [
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['patch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['list'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['list'],
    },
  ],
  observe: observeServiceAccounts,
  diff: ({ covered }, { config }) => ({
    changes: additions(covered, config.pullSecret.name).map((change) =>
      covered.some(isOfOperator) ? change : { ...change, label: 'now, more as up creates them' },
    ),
    findings: [],
  }),
  preview: previewEntries,
  apply: (changes, _, run) => applyEntries(changes, run),
  observeRemoval: observeEntries,
  remove: ({ obsolete }) => ({ changes: obsolete.map(removal), findings: [] }),
  summary: ({ covered: { length } }) => ({
    text: `${length} ${length === 1 ? 'service account uses' : 'service accounts use'} the pull secret`,
  }),
  health: async ({ covered, ignored }, ctx) => [
    ...(await refusalFindings(covered, ctx)),
    ...(await pullFindings(ctx, {
      isMirrored: await mirroringForPods(ctx),
      sourceOf: sourceNaming(await ctx.registryHost(), ctx.config),
    })),
    ...ignored.map((account) => ignoredAccountFinding(account, ctx.config.pullSecret.name)),
  ],
};
