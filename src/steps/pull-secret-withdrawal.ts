import { coverageRights } from '../cluster/coverage.ts';
import {
  applyWithdrawal,
  diffWithdrawal,
  observeWithdrawal,
  type WithdrawalChange,
  withdrawalHealth,
  type WithdrawalState,
} from '../external-secrets/withdrawal.ts';
import type { Step } from './context.ts';

/**
 * Deletes pull secrets of earlier names once nothing uses them. Until then they are renewed and copied as before:
 * a pod keeps the names of the pull secrets that it was created with.
 */
export const pullSecretWithdrawal: Step<WithdrawalState, WithdrawalChange> = {
  id: 'pull-secret-withdrawal',
  title: 'pull secrets of earlier names',
  group: 'pull-secrets',
  needs: ['cluster'],
  rights: [
    ...coverageRights,
    { apiGroups: [''], resources: ['serviceaccounts'], verbs: ['get', 'patch'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'delete'] },
    { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['get', 'list', 'delete'],
    },
    { apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'], verbs: ['patch'] },
  ],
  observe: observeWithdrawal,
  diff: diffWithdrawal,
  apply: applyWithdrawal,
  health: withdrawalHealth,
};
