import type { Case } from '../case.ts';
import { kube } from '../request.ts';
import { having, listWith, matching } from './support.ts';
import { ask, refusal } from './kubernetes-support.ts';

const review = {
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  spec: { resourceAttributes: { verb: 'list', group: '', resource: 'secrets' } },
};

const rulesReviews = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
const rulesReview = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview' };

/**
 * Kubernetes 1.36 names the newer, constrained permission (`impersonate-on:user-info:list`), and earlier versions
 * `impersonate`.
 */
const notImpersonating = refusal(403, 'Forbidden', /is forbidden: User "nobody" cannot impersonate/);

/** Discovery, identities and their permissions. */
export const kubernetesServerCases: readonly Case[] = [
  {
    name: 'the version is returned',
    ask: () => kube('GET', '/version'),
    answer: { status: 200, body: { gitVersion: matching(/^v1\.\d+\.\d+/), major: '1' } },
  },
  {
    name: 'a group returns its resources with their short names',
    ask: () => kube('GET', '/apis/apps/v1'),
    answer: {
      status: 200,
      body: {
        kind: 'APIResourceList',
        groupVersion: 'apps/v1',
        resources: listWith(
          having({ name: 'deployments', kind: 'Deployment', namespaced: true, shortNames: ['deploy'] }),
        ),
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
    name: 'a user without permissions is denied, and the answer names the permission',
    ask: () => kube('GET', '/api/v1/secrets', undefined, { as: 'stranger' }),
    answer: refusal(
      403,
      'Forbidden',
      /^secrets is forbidden: User "nobody" cannot list resource "secrets" in API group "" at the cluster scope/,
      { kind: 'secrets' },
    ),
  },
  {
    name: 'a user without permissions in a namespace is denied there',
    ask: ask('GET', 'secrets/one', undefined, { as: 'stranger' }),
    answer: refusal(403, 'Forbidden', /^secrets "one" is forbidden: .* in the namespace "/),
  },
  {
    name: 'an impersonated user without permissions is denied by its own name',
    ask: () => kube('GET', '/api/v1/secrets', undefined, { headers: { 'impersonate-user': 'jane' } }),
    answer: refusal(403, 'Forbidden', /^secrets is forbidden: User "jane" cannot list resource "secrets"/),
  },
  {
    name: 'an impersonated user has the permissions of the impersonated groups',
    ask: () =>
      kube('GET', '/api/v1/namespaces?limit=1', undefined, {
        headers: { 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' },
      }),
    answer: { status: 200, body: { kind: 'NamespaceList' } },
  },
  {
    name: 'a user without the permission to impersonate another is denied',
    ask: () =>
      kube('GET', '/api/v1/namespaces', undefined, {
        as: 'stranger',
        headers: { 'impersonate-user': 'jane' },
      }),
    answer: notImpersonating,
  },
  {
    name: 'each impersonated group needs the permission to impersonate it',
    given: [
      ({ name }) =>
        kube('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRole',
          metadata: { name },
          rules: [{ apiGroups: [''], resources: ['users'], resourceNames: [name], verbs: ['impersonate'] }],
        }),
      ({ name }) =>
        kube('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata: { name },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'nobody' }],
        }),
    ],
    ask: ({ name }) =>
      kube('GET', '/api/v1/namespaces', undefined, {
        as: 'stranger',
        headers: { 'impersonate-user': name, 'impersonate-group': 'system:masters' },
      }),
    answer: notImpersonating,
  },
  {
    name: 'an access review of a user with all permissions is positive',
    ask: () => kube('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review),
    answer: { status: 201, body: { status: { allowed: true } } },
  },
  {
    name: 'an access review of a user without permissions is negative',
    ask: () =>
      kube('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review, { as: 'stranger' }),
    answer: { status: 201, body: { status: { allowed: false } } },
  },
  {
    name: 'a rules review of a user with all permissions lists them, also for a namespace that does not exist',
    ask: () => kube('POST', rulesReviews, { ...rulesReview, spec: { namespace: 'not-there' } }),
    answer: {
      status: 201,
      body: {
        status: {
          resourceRules: listWith(having({ verbs: ['*'], apiGroups: ['*'], resources: ['*'] })),
          incomplete: false,
        },
      },
    },
  },
  {
    name: 'a rules review needs a namespace',
    ask: () => kube('POST', rulesReviews, { ...rulesReview, spec: {} }),
    answer: refusal(400, 'BadRequest', /no namespace on request/),
  },
  {
    name: 'a throttled request is refused in plain text, with the seconds to wait',
    needs: { capability: 'throttle', decides: 'the API server itself, by its flow control' },
    ask: ({ name }) => kube('GET', `/api/v1/namespaces/${name}/configmaps`, undefined, { as: 'stranger' }),
    answer: {
      status: 429,
      headers: { 'retry-after': /^\d+$/, 'content-type': /^text\/plain/ },
      body: 'Too many requests, please try again later.\n',
    },
  },
];
