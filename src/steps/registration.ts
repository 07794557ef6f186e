import {
  applyRegistration,
  diffRegistration,
  observeRegistration,
  type RegistrationChange,
  registrationHealth,
  type RegistrationState,
  registrationStep,
  removeRegistration,
} from '../access-key/registration/registration.ts';
import { nodeTokenRights } from '../external-secrets/pull-secret/node-tokens.ts';
import type { Step } from './context.ts';

/**
 * Verifies the registration of this cluster, which was written before the cluster got its key. After that,
 * `rotate` for another cluster of the project need not wait for this cluster.
 */
export const registration: Step<RegistrationState, RegistrationChange> = {
  ...registrationStep,
  readsLag: true,
  rights: [
    { apiGroups: [''], resources: ['namespaces', 'secrets'], verbs: ['get'] },
    {
      apiGroups: ['external-secrets.io'],
      resources: ['externalsecrets', 'clusterexternalsecrets'],
      verbs: ['get', 'list', 'patch'],
    },
    ...nodeTokenRights,
  ],
  observe: observeRegistration,
  diff: diffRegistration,
  apply: applyRegistration,
  health: registrationHealth,
  remove: removeRegistration,
};
