import type { KubeObject } from './objects.ts';

/** A kind that the API serves. */
export interface Resource {
  readonly group: string;
  /** Served versions, the preferred version first. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Whether only the status subresource can write `status`. */
  readonly status: boolean;
  /** Items of a list have `apiVersion` and `kind` for custom kinds, but not for built-in kinds. */
  readonly custom: boolean;
}

interface CustomResourceDefinition extends KubeObject {
  spec: {
    group: string;
    scope: string;
    names: { kind: string; plural: string };
    versions: { name: string; served: boolean; storage: boolean; subresources?: { status?: object } }[];
  };
}

/** `kind plural`, with `-` for cluster scope and `s` for a status subresource. */
const builtin: Record<string, readonly string[]> = {
  '/v1': [
    'Namespace namespaces -s',
    'Node nodes -s',
    'Pod pods s',
    'Secret secrets',
    'ConfigMap configmaps',
    'ServiceAccount serviceaccounts',
    'Service services s',
    'Endpoints endpoints',
    'Event events',
    'ResourceQuota resourcequotas s',
  ],
  'apps/v1': [
    'Deployment deployments s',
    'ReplicaSet replicasets s',
    'DaemonSet daemonsets s',
    'StatefulSet statefulsets s',
  ],
  'batch/v1': ['Job jobs s', 'CronJob cronjobs s'],
  'coordination.k8s.io/v1': ['Lease leases'],
  'discovery.k8s.io/v1': ['EndpointSlice endpointslices'],
  'rbac.authorization.k8s.io/v1': [
    'Role roles',
    'RoleBinding rolebindings',
    'ClusterRole clusterroles -',
    'ClusterRoleBinding clusterrolebindings -',
  ],
  'apiextensions.k8s.io/v1': ['CustomResourceDefinition customresourcedefinitions -s'],
  'authorization.k8s.io/v1': [
    'SelfSubjectAccessReview selfsubjectaccessreviews -',
    'SelfSubjectRulesReview selfsubjectrulesreviews -',
  ],
  'authentication.k8s.io/v1': ['SelfSubjectReview selfsubjectreviews -'],
  'admissionregistration.k8s.io/v1': ['ValidatingWebhookConfiguration validatingwebhookconfigurations -'],
};

const admissionPolicies = [
  'MutatingAdmissionPolicy mutatingadmissionpolicies -',
  'MutatingAdmissionPolicyBinding mutatingadmissionpolicybindings -',
];

/**
 * The kinds that every cluster serves.
 * @param policies the served version of MutatingAdmissionPolicy: `v1` from 1.36; before, `v1beta1` behind a feature gate
 */
export function builtinResources(policies: 'v1' | 'v1beta1' | undefined): Resource[] {
  const tables = Object.entries(builtin);
  if (policies !== undefined) tables.push([`admissionregistration.k8s.io/${policies}`, admissionPolicies]);
  return tables.flatMap(([groupVersion, lines]) => lines.map((line) => parse(groupVersion, line)));
}

function parse(groupVersion: string, line: string): Resource {
  const [group = '', version = ''] = groupVersion.split('/');
  const [kind = '', plural = '', flags = ''] = line.split(' ');
  return {
    group,
    versions: [version],
    kind,
    plural,
    namespaced: !flags.includes('-'),
    status: flags.includes('s'),
    custom: false,
  };
}

/** The kind that a stored CustomResourceDefinition adds. */
export function customResource(definition: KubeObject): Resource {
  const { group, scope, names, versions } = (definition as CustomResourceDefinition).spec;
  const served = versions.filter((version) => version.served);
  served.sort((a, b) => Number(b.storage) - Number(a.storage));
  return {
    group,
    versions: served.map((version) => version.name),
    kind: names.kind,
    plural: names.plural,
    namespaced: scope === 'Namespaced',
    status: served.some((version) => version.subresources?.status !== undefined),
    custom: true,
  };
}

export const apiVersion = (group: string, version: string) =>
  group === '' ? version : `${group}/${version}`;
