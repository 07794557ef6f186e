import type { KubeObject } from './objects.ts';

/** A kind that the API serves. */
export interface Resource {
  readonly group: string;
  /** Served versions, the preferred version first. */
  readonly versions: readonly string[];
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
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
    names: { kind: string; plural: string; shortNames?: string[] };
    versions: { name: string; served: boolean; storage: boolean; subresources?: { status?: object } }[];
  };
}

/** `kind plural,shortName`, with `-` for cluster scope and `s` for a status subresource. */
const builtin: Record<string, readonly string[]> = {
  '/v1': [
    'Namespace namespaces,ns -s',
    'Node nodes,no -s',
    'Pod pods,po s',
    'Secret secrets',
    'ConfigMap configmaps,cm',
    'ServiceAccount serviceaccounts,sa',
    'Service services,svc s',
    'Endpoints endpoints,ep',
    'Event events,ev',
    'PodTemplate podtemplates',
    'ReplicationController replicationcontrollers,rc s',
    'ResourceQuota resourcequotas,quota s',
  ],
  'apps/v1': [
    'Deployment deployments,deploy s',
    'ReplicaSet replicasets,rs s',
    'DaemonSet daemonsets,ds s',
    'StatefulSet statefulsets,sts s',
  ],
  'batch/v1': ['Job jobs s', 'CronJob cronjobs,cj s'],
  'coordination.k8s.io/v1': ['Lease leases'],
  'discovery.k8s.io/v1': ['EndpointSlice endpointslices'],
  'rbac.authorization.k8s.io/v1': [
    'Role roles',
    'RoleBinding rolebindings',
    'ClusterRole clusterroles -',
    'ClusterRoleBinding clusterrolebindings -',
  ],
  'apiextensions.k8s.io/v1': ['CustomResourceDefinition customresourcedefinitions,crd,crds -s'],
  'authorization.k8s.io/v1': [
    'SelfSubjectAccessReview selfsubjectaccessreviews -',
    'SelfSubjectRulesReview selfsubjectrulesreviews -',
  ],
  'authentication.k8s.io/v1': ['SelfSubjectReview selfsubjectreviews -'],
  'admissionregistration.k8s.io/v1': ['ValidatingWebhookConfiguration validatingwebhookconfigurations -'],
};

const validatingPolicies = [
  'ValidatingAdmissionPolicy validatingadmissionpolicies -s',
  'ValidatingAdmissionPolicyBinding validatingadmissionpolicybindings -',
];

const mutatingPolicies = [
  'MutatingAdmissionPolicy mutatingadmissionpolicies -',
  'MutatingAdmissionPolicyBinding mutatingadmissionpolicybindings -',
];

/**
 * The kinds that every cluster serves.
 * @param version of Kubernetes; ValidatingAdmissionPolicy is served from 1.30
 * @param policies the served version of MutatingAdmissionPolicy: `v1` from 1.36; before, `v1beta1` behind a feature gate
 */
export function builtinResources(version: string, policies: 'v1' | 'v1beta1' | undefined): Resource[] {
  const tables = Object.entries(builtin);
  const minor = Number(/^v1\.(\d+)/.exec(version)?.[1]);
  if (minor >= 30) tables.push(['admissionregistration.k8s.io/v1', validatingPolicies]);
  if (policies !== undefined) tables.push([`admissionregistration.k8s.io/${policies}`, mutatingPolicies]);
  return tables.flatMap(([groupVersion, lines]) => lines.map((line) => parse(groupVersion, line)));
}

function parse(groupVersion: string, line: string): Resource {
  const [group = '', version = ''] = groupVersion.split('/');
  const [kind = '', names = '', flags = ''] = line.split(' ');
  const [plural = '', ...shortNames] = names.split(',');
  return {
    group,
    versions: [version],
    kind,
    plural,
    shortNames,
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
    shortNames: names.shortNames ?? [],
    namespaced: scope === 'Namespaced',
    status: served.some((version) => version.subresources?.status !== undefined),
    custom: true,
  };
}

export const apiVersion = (group: string, version: string) =>
  group === '' ? version : `${group}/${version}`;
