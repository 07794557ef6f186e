import type { Answer, Ask, Case, Situation } from '../case.ts';
import { kube, type WireRequest } from '../request.ts';
import { having, listWith, matching, something } from './support.ts';

/** Each case works in a namespace of its own. */
const namespace: Ask = ({ name }) =>
  kube('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const within = ({ name }: Pick<Situation, 'name'>, rest: string): string =>
  `/api/v1/namespaces/${name}/${rest}`;

const configMap = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});

type Options = Partial<WireRequest> & { readonly type?: 'apply' | 'json' | 'json-patch' | 'merge' };

/** A request in the situation's namespace. */
const ask =
  (method: string, rest: string, body?: unknown, options: Options = {}): Ask =>
  (situation) =>
    kube(method, within(situation, rest), body, options);
/** Two more objects beside those that controllers make in every namespace, and the query that finds only them. */
const pair = ['one', 'two'].map((name) =>
  ask('POST', 'configmaps', configMap(name, { metadata: { name, labels: { of: 'pair' } } })),
);
const ofPair = 'configmaps?labelSelector=of%3Dpair';
const created = ask('POST', 'configmaps', configMap('one', { data: { k: '1' } }));
const apply = (rest: string, body: object, query = 'fieldManager=contract&force=true'): Ask =>
  ask('PATCH', `${rest}?${query}`, body, { type: 'apply' });

const account = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name },
  ...more,
});
const secret = (more: object): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'one' },
  ...more,
});
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

interface Stored {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string; readonly continue?: string };
}
const last = ({ replies }: Situation): Stored['metadata'] => (replies.at(-1)?.body as Stored).metadata;

/** A `Status`, as every refusal of the API server is. */
const refusal = (status: number, code: string, message: RegExp, details?: object): Answer => ({
  status,
  code,
  headers: { 'content-type': 'application/json' },
  body: {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: matching(message),
    code: status,
    ...(details && { details }),
  },
});

const partial = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };

export const kubernetesCases: readonly Case[] = [
  {
    name: 'the version is told',
    ask: () => kube('GET', '/version'),
    answer: { status: 200, body: { gitVersion: matching(/^v1\.\d+\.\d+/), major: '1' } },
  },
  {
    name: 'a group tells its resources',
    ask: () => kube('GET', '/apis/apps/v1'),
    answer: {
      status: 200,
      body: {
        kind: 'APIResourceList',
        groupVersion: 'apps/v1',
        resources: listWith(having({ name: 'deployments', kind: 'Deployment', namespaced: true })),
      },
    },
  },
  {
    name: 'a group that is not served is not found',
    ask: () => kube('GET', '/apis/external-secrets.io/v1beta1'),
    answer: { status: 404, body: '404 page not found\n' },
  },
  {
    name: 'a token that is not known is refused',
    ask: () => kube('GET', '/api/v1/namespaces', undefined, { as: { authorization: 'Bearer nonsense' } }),
    answer: refusal(401, 'Unauthorized', /^Unauthorized$/),
  },
  {
    name: 'one without rights is denied, and the right is named',
    ask: () => kube('GET', '/api/v1/secrets', undefined, { as: 'stranger' }),
    answer: refusal(
      403,
      'Forbidden',
      /^secrets is forbidden: User "nobody" cannot list resource "secrets" in API group "" at the cluster scope/,
      { kind: 'secrets' },
    ),
  },
  {
    name: 'one without rights in a namespace is denied there',
    ask: ask('GET', 'secrets/one', undefined, { as: 'stranger' }),
    answer: refusal(403, 'Forbidden', /^secrets "one" is forbidden: .* in the namespace "/),
  },
  {
    name: 'an object that is not there is not found',
    given: [namespace],
    ask: ask('GET', 'configmaps/absent'),
    answer: refusal(404, 'NotFound', /^configmaps "absent" not found$/, {
      name: 'absent',
      kind: 'configmaps',
    }),
  },
  {
    name: 'an object is created',
    given: [namespace],
    ask: created,
    answer: ({ name }) => ({
      status: 201,
      headers: { 'content-type': 'application/json' },
      body: {
        kind: 'ConfigMap',
        apiVersion: 'v1',
        metadata: {
          name: 'one',
          namespace: name,
          uid: something,
          resourceVersion: matching(/^\d+$/),
          creationTimestamp: matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        },
        data: { k: '1' },
      },
    }),
  },
  {
    name: 'an object in a namespace that is not there is refused',
    ask: created,
    answer: refusal(404, 'NotFound', /^namespaces ".*" not found$/),
  },
  {
    name: 'a name that is taken is refused',
    given: [namespace, created],
    ask: created,
    answer: refusal(409, 'AlreadyExists', /^configmaps "one" already exists$/),
  },
  {
    name: 'an object without a name is refused',
    given: [namespace],
    ask: ask('POST', 'configmaps', configMap('')),
    answer: refusal(422, 'Invalid', /name or generateName is required/),
  },
  {
    name: 'an object of another namespace is refused',
    given: [namespace],
    ask: ask('POST', 'configmaps', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a', namespace: 'b' },
    }),
    answer: refusal(400, 'BadRequest', /namespace of the provided object does not match/),
  },
  {
    name: 'an update replaces',
    given: [namespace, created],
    ask: ask('PUT', 'configmaps/one', configMap('one', { data: { l: '2' } })),
    answer: { status: 200, body: { data: { l: '2' } } },
  },
  {
    name: 'an update made from an old version is refused',
    given: [namespace, created],
    ask: ask('PUT', 'configmaps/one', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', resourceVersion: '1' },
    }),
    answer: refusal(
      409,
      'Conflict',
      /^Operation cannot be fulfilled on configmaps "one": the object has been modified/,
    ),
  },
  {
    name: 'an apply creates',
    given: [namespace],
    ask: apply('configmaps/one', configMap('one', { data: { k: '1' } })),
    answer: { status: 201, body: { data: { k: '1' } } },
  },
  {
    name: 'an apply leaves the fields of others',
    given: [namespace, created],
    ask: apply('configmaps/one', configMap('one', { data: { l: '2' } })),
    answer: { status: 200, body: { data: { k: '1', l: '2' } } },
  },
  {
    name: 'an apply that changes nothing keeps the version',
    given: [namespace, apply('configmaps/one', configMap('one', { data: { k: '1' } }))],
    ask: apply('configmaps/one', configMap('one', { data: { k: '1' } })),
    answer: (situation) => ({
      status: 200,
      body: { metadata: { resourceVersion: last(situation).resourceVersion } },
    }),
  },
  {
    name: 'an apply without a field manager is refused',
    given: [namespace],
    ask: apply('configmaps/one', configMap('one'), 'force=true'),
    answer: refusal(422, 'Invalid', /fieldManager: Required value: is required for apply patch/),
  },
  {
    name: 'an apply of another name than the path has is refused',
    given: [namespace],
    ask: apply('configmaps/one', configMap('two')),
    answer: { status: 400, code: 'BadRequest' },
  },
  {
    name: 'a dry run answers as if, and stores nothing',
    given: [
      namespace,
      apply('configmaps/one', configMap('one'), 'fieldManager=contract&force=true&dryRun=All'),
    ],
    ask: ask('GET', 'configmaps/one'),
    answer: refusal(404, 'NotFound', /^configmaps "one" not found$/),
  },
  {
    name: "an apply replaces a service account's whole list of pull secrets",
    given: [namespace, ask('POST', 'serviceaccounts', account('one', { imagePullSecrets: [{ name: 'a' }] }))],
    ask: apply('serviceaccounts/one', account('one', { imagePullSecrets: [{ name: 'b' }] })),
    answer: { status: 200, body: { imagePullSecrets: [{ name: 'b' }] } },
  },
  {
    name: 'a JSON patch appends to a list',
    given: [namespace, ask('POST', 'serviceaccounts', account('one', { imagePullSecrets: [{ name: 'a' }] }))],
    ask: ask(
      'PATCH',
      'serviceaccounts/one',
      [{ op: 'add', path: '/imagePullSecrets/-', value: { name: 'b' } }],
      {
        type: 'json-patch',
      },
    ),
    answer: { status: 200, body: { imagePullSecrets: [{ name: 'a' }, { name: 'b' }] } },
  },
  {
    name: 'a JSON patch tests the version',
    given: [namespace, created],
    ask: (situation) =>
      kube(
        'PATCH',
        within(situation, 'configmaps/one'),
        [
          { op: 'test', path: '/metadata/resourceVersion', value: last(situation).resourceVersion },
          { op: 'add', path: '/data/l', value: '2' },
        ],
        { type: 'json-patch' },
      ),
    answer: { status: 200, body: { data: { k: '1', l: '2' } } },
  },
  {
    name: 'a JSON patch whose test fails is refused',
    given: [namespace, created],
    ask: ask('PATCH', 'configmaps/one', [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }], {
      type: 'json-patch',
    }),
    answer: { status: 422, code: 'Invalid', body: { kind: 'Status' } },
  },
  {
    name: 'a JSON patch of a path that is not there is refused',
    given: [namespace, created],
    ask: ask('PATCH', 'configmaps/one', [{ op: 'remove', path: '/data/absent' }], { type: 'json-patch' }),
    answer: { status: 422, code: 'Invalid', body: { kind: 'Status' } },
  },
  {
    name: 'a merge patch changes one field and takes one away',
    given: [namespace, created],
    ask: ask('PATCH', 'configmaps/one', { data: { k: null, l: '2' } }, { type: 'merge' }),
    answer: { status: 200, body: { data: { l: '2' } } },
  },
  {
    name: 'a patch of an object that is not there is refused',
    given: [namespace],
    ask: ask('PATCH', 'configmaps/absent', { data: {} }, { type: 'merge' }),
    answer: refusal(404, 'NotFound', /^configmaps "absent" not found$/),
  },
  {
    name: 'a list is given in pages',
    given: [namespace, ...pair],
    ask: ask('GET', `${ofPair}&limit=1`),
    answer: {
      status: 200,
      body: {
        kind: 'ConfigMapList',
        metadata: { continue: something, resourceVersion: something },
        items: [{ metadata: { name: 'one' } }],
      },
    },
  },
  {
    name: 'the next page begins where the last one ended',
    given: [namespace, ...pair, ask('GET', `${ofPair}&limit=1`)],
    ask: (situation) =>
      kube('GET', within(situation, `${ofPair}&limit=1&continue=${last(situation).continue ?? ''}`)),
    answer: { status: 200, body: { items: [{ metadata: { name: 'two' } }] } },
  },
  {
    name: 'a list is selected by label',
    given: [
      namespace,
      created,
      ask('POST', 'configmaps', configMap('two', { metadata: { name: 'two', labels: { letter: 'b' } } })),
    ],
    ask: ask('GET', `configmaps?labelSelector=${encodeURIComponent('letter in (b, c)')}`),
    answer: { status: 200, body: { items: [{ metadata: { name: 'two' } }] } },
  },
  {
    name: 'Secrets of all namespaces are selected by name',
    given: [
      namespace,
      ({ name }) => kube('POST', within({ name }, 'secrets'), secret({ metadata: { name } })),
    ],
    ask: ({ name }) => kube('GET', `/api/v1/secrets?fieldSelector=metadata.name%3D${name}`),
    answer: ({ name }) => ({ status: 200, body: { items: [{ metadata: { name, namespace: name } }] } }),
  },
  {
    name: 'Secrets are selected by type',
    given: [namespace, ask('POST', 'secrets', secret({ type: 'contract/one' }))],
    ask: ask('GET', 'secrets?fieldSelector=type%3Dcontract%2Fone'),
    answer: { status: 200, body: { items: [{ metadata: { name: 'one' }, type: 'contract/one' }] } },
  },
  {
    name: 'a field of a kind that can only be selected by name is refused',
    given: [namespace],
    ask: ask('GET', 'configmaps?fieldSelector=data.k%3D1'),
    answer: refusal(
      400,
      'BadRequest',
      /^"data\.k" is not a known field selector: only "metadata\.name", "metadata\.namespace"$/,
    ),
  },
  {
    name: 'a field that Secrets cannot be selected by is refused',
    given: [namespace],
    ask: ask('GET', 'secrets?fieldSelector=data.k%3D1'),
    answer: refusal(400, 'BadRequest', /^field label not supported: data\.k$/),
  },
  {
    name: 'a list of metadata alone is given',
    given: [namespace, ...pair],
    ask: ask('GET', ofPair, undefined, { headers: partial }),
    answer: {
      status: 200,
      body: {
        kind: 'PartialObjectMetadataList',
        apiVersion: 'meta.k8s.io/v1',
        items: [
          { kind: 'PartialObjectMetadata', metadata: { name: 'one' } },
          { kind: 'PartialObjectMetadata', metadata: { name: 'two' } },
        ],
      },
    },
  },
  {
    name: 'an object is deleted',
    given: [namespace, created],
    ask: ask('DELETE', 'configmaps/one', {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
    }),
    answer: {
      status: 200,
      body: { kind: 'Status', status: 'Success', details: { name: 'one', kind: 'configmaps' } },
    },
  },
  {
    name: 'a deletion of another object of that name is refused',
    given: [namespace, created],
    ask: ask('DELETE', 'configmaps/one', {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      preconditions: { uid: '00000000-0000-0000-0000-000000000000' },
    }),
    answer: { status: 409, code: 'Conflict' },
  },
  {
    name: 'a Secret takes plain text and gives base64',
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
    name: 'a pull secret whose docker config is no JSON is refused',
    given: [namespace],
    ask: ask(
      'POST',
      'secrets',
      secret({ type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': '{' } }),
    ),
    answer: { status: 422, code: 'Invalid' },
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
    name: 'a pod of a service account that is not there is refused',
    given: [namespace],
    ask: ask('POST', 'pods', pod('absent')),
    answer: refusal(
      403,
      'Forbidden',
      /^pods "one" is forbidden: error looking up service account .* not found$/,
    ),
  },
  {
    name: "a pod gets its service account's pull secrets when it is made",
    given: [
      namespace,
      ask('POST', 'serviceaccounts', account('own', { imagePullSecrets: [{ name: 'puller' }] })),
    ],
    ask: ask('POST', 'pods', pod('own')),
    answer: { status: 201, body: { spec: { imagePullSecrets: [{ name: 'puller' }] } } },
  },
  {
    name: 'a Lease keeps its holder and its time to the microsecond',
    given: [namespace],
    ask: ({ name }) =>
      kube('POST', `/apis/coordination.k8s.io/v1/namespaces/${name}/leases`, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'one' },
        spec: { holderIdentity: 'me', leaseDurationSeconds: 30, renewTime: '2026-01-01T00:00:00.000000Z' },
      }),
    answer: {
      status: 201,
      body: {
        spec: { holderIdentity: 'me', leaseDurationSeconds: 30, renewTime: '2026-01-01T00:00:00.000000Z' },
      },
    },
  },
  {
    name: 'an access review of somebody with all rights says yes',
    ask: () => kube('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review),
    answer: { status: 201, body: { status: { allowed: true } } },
  },
  {
    name: 'an access review of somebody without rights says no',
    ask: () =>
      kube('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, { as: 'stranger' }),
    answer: { status: 201, body: { status: { allowed: false } } },
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
    name: 'a webhook that nobody answers refuses what it guards',
    given: [
      namespace,
      ({ name }) =>
        kube('POST', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations', webhook(name)),
    ],
    ask: ask(
      'POST',
      'configmaps',
      configMap('guarded', { metadata: { name: 'guarded', labels: { guarded: 'yes' } } }),
    ),
    answer: refusal(
      500,
      'InternalError',
      /^Internal error occurred: failed calling webhook "guard\.contract\.example": failed to call webhook: /,
    ),
  },
];

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

const review = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  spec: { resourceAttributes: { verb: 'list', group: '', resource: 'secrets' } },
};

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
