import type { ClusterRule } from '../../core/step.ts';

const write = ['get', 'create', 'patch', 'delete'];

/**
 * `escalate` and `bind`: nobody may give the operator roles with rights that he does not have himself, unless he may
 * do that.
 */
export const rights: readonly ClusterRule[] = [
  { apiGroups: [''], resources: ['serviceaccounts', 'secrets', 'services', 'configmaps'], verbs: write },
  {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles', 'roles'],
    verbs: [...write, 'escalate', 'bind'],
  },
  {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterrolebindings', 'rolebindings'],
    verbs: write,
  },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: write },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['validatingwebhookconfigurations'],
    verbs: write,
  },
  { apiGroups: ['apiextensions.k8s.io'], resources: ['customresourcedefinitions'], verbs: ['get'] },
  { apiGroups: [''], resources: ['pods'], verbs: ['list', 'delete'] },
  { apiGroups: [''], resources: ['events'], verbs: ['list'] },
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list'] },
  { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['create'] },
];
