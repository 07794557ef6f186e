import type { Ask, Case } from '../case.ts';
import { kube } from '../request.ts';
import { matching } from './support.ts';
import {
  account,
  apply,
  ask,
  configMap,
  namespace,
  refusal,
  secret,
  type Options,
} from './kubernetes-support.ts';

const deployment = (app: string): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app } },
    template: { metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image: 'nginx' }] } },
  },
});

const inApps =
  (method: string, rest: string, body: object, options: Options = {}): Ask =>
  ({ name }) =>
    kube(method, `/apis/apps/v1/namespaces/${name}/${rest}`, body, options);

function binding(role: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'one' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'somebody' }],
  };
}

function pod(serviceAccountName: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one' },
    spec: {
      serviceAccountName,
      containers: [{ name: 'main', image: 'nginx' }],
    },
  };
}

function webhook(namespaceName: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: namespaceName },
    webhooks: [
      {
        name: 'guard.contract.example',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        clientConfig: { service: { name: 'absent', namespace: namespaceName, path: '/' } },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespaceName } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
      },
    ],
  };
}

/** Rules of the API server itself: defaults, immutable fields and admission. */
export const kubernetesRuleCases: readonly Case[] = [
  {
    name: 'a Secret accepts plain text and returns base64',
    given: [namespace],
    ask: ask('POST', 'secrets', secret({ stringData: { k: 'text' } })),
    answer: { status: 201, body: { type: 'Opaque', data: { k: 'dGV4dA==' } } },
  },
  {
    name: "a Secret's type cannot change",
    given: [namespace, ask('POST', 'secrets', secret({ type: 'contract/one' }))],
    ask: apply('secrets/one', secret({ type: 'contract/two' })),
    answer: refusal(422, 'Invalid', /^Secret "one" is invalid: type: Invalid value: .*field is immutable/),
  },
  {
    name: 'a pull secret without a docker config is refused',
    given: [namespace],
    ask: ask('POST', 'secrets', secret({ type: 'kubernetes.io/dockerconfigjson', data: {} })),
    answer: refusal(422, 'Invalid', /^Secret "one" is invalid: data\[\.dockerconfigjson\]: Required value/),
  },
  {
    name: 'a pull secret whose docker config is not JSON is refused',
    given: [namespace],
    ask: ask(
      'POST',
      'secrets',
      secret({ type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{' } }),
    ),
    answer: { status: 422, code: 'Invalid' },
  },
  {
    name: 'a Deployment that names no number of replicas has one',
    given: [namespace],
    ask: inApps('POST', 'deployments', deployment('a')),
    answer: { status: 201, body: { spec: { replicas: 1 } } },
  },
  {
    name: "a Deployment's selector cannot change",
    given: [namespace, inApps('POST', 'deployments', deployment('a'))],
    ask: inApps('PATCH', 'deployments/web?fieldManager=contract&force=true', deployment('b'), {
      type: 'apply',
    }),
    answer: { status: 422, code: 'Invalid' },
  },
  {
    name: "a binding's role cannot change",
    given: [
      namespace,
      ({ name }) =>
        kube('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/rolebindings`, binding('a')),
    ],
    ask: ({ name }) =>
      kube(
        'PATCH',
        `/apis/rbac.authorization.k8s.io/v1/namespaces/${name}/rolebindings/one?fieldManager=contract&force=true`,
        binding('b'),
        { type: 'apply' },
      ),
    answer: { status: 422, code: 'Invalid', body: { message: matching(/roleRef: Invalid value/) } },
  },
  {
    name: 'a pod of a service account that does not exist is refused',
    given: [namespace],
    ask: ask('POST', 'pods', pod('absent')),
    answer: refusal(
      403,
      'Forbidden',
      /^pods "one" is forbidden: error looking up service account .* not found$/,
    ),
  },
  {
    name: "a pod gets its service account's pull secrets when it is created",
    given: [
      namespace,
      ask('POST', 'serviceaccounts', account('own', { imagePullSecrets: [{ name: 'puller' }] })),
    ],
    ask: ask('POST', 'pods', pod('own')),
    answer: { status: 201, body: { spec: { imagePullSecrets: [{ name: 'puller' }] } } },
  },
  ...(
    [
      ['the nodeSelector', { nodeSelector: { disk: 'ssd' } }],
      ['the pull secrets', { imagePullSecrets: [{ name: 'own' }] }],
      ['the pull policy', { containers: [{ name: 'main', image: 'a', imagePullPolicy: 'Never' }] }],
    ] as const
  ).map(([field, spec]): Case => ({
    name: `${field} of a pod cannot change`,
    given: [namespace, ask('POST', 'serviceaccounts', account('own')), ask('POST', 'pods', pod('own'))],
    ask: ask('PATCH', 'pods/one', { spec }, { type: 'merge' }),
    answer: refusal(
      422,
      'Invalid',
      /^Pod "one" is invalid: spec: Forbidden: pod updates may not change fields/,
    ),
  })),
  {
    name: 'the image of a pod can change',
    given: [namespace, ask('POST', 'serviceaccounts', account('own')), ask('POST', 'pods', pod('own'))],
    ask: ask('PATCH', 'pods/one', [{ op: 'replace', path: '/spec/containers/0/image', value: 'b' }], {
      type: 'json-patch',
    }),
    answer: { status: 200, body: { spec: { containers: [{ image: 'b' }] } } },
  },
  {
    name: 'admission policies are served',
    ask: () => kube('GET', '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies/absent'),
    answer: refusal(
      404,
      'NotFound',
      /^mutatingadmissionpolicies\.admissionregistration\.k8s\.io "absent" not found$/,
    ),
  },
  {
    name: 'a webhook that is unreachable rejects the objects that it guards',
    given: [
      namespace,
      ({ name }) =>
        kube('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', webhook(name)),
    ],
    revokes: true,
    ask: ask(
      'POST',
      'configmaps?dryRun=All',
      configMap('guarded', { metadata: { name: 'guarded', labels: { guarded: 'yes' } } }),
    ),
    answer: refusal(
      500,
      'InternalError',
      /^Internal error occurred: failed calling webhook "guard\.contract\.example": failed to call webhook: /,
    ),
  },
];
