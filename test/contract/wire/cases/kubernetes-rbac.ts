import type { Answer, Ask, Case } from '../case.ts';
import { kube } from '../request.ts';
import { ask, configMap, created, namespace, refusal, type Options } from './kubernetes-support.ts';

const group = 'rbac.authorization.k8s.io';

interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const onRoles = (verbs: readonly string[], ...resourceNames: readonly string[]): Rule => ({
  apiGroups: [group],
  resources: ['roles'],
  resourceNames,
  verbs,
});

const onBindings: Rule = { apiGroups: [group], resources: ['rolebindings'], verbs: ['create', 'patch'] };

const onSecrets = (verbs: readonly string[], ...resourceNames: readonly string[]): Rule => ({
  apiGroups: [''],
  resources: ['secrets'],
  resourceNames,
  verbs,
});

const onConfigMaps = (verbs: readonly string[], ...resourceNames: readonly string[]): Rule => ({
  apiGroups: [''],
  resources: ['configmaps'],
  resourceNames,
  verbs,
});

const role = (kind: 'Role' | 'ClusterRole', name: string, rules: readonly Rule[]): object => ({
  apiVersion: `${group}/v1`,
  kind,
  metadata: { name },
  rules,
});

const binding = (kind: 'Role' | 'ClusterRole', name: string, roleName = name): object => ({
  apiVersion: `${group}/v1`,
  kind: `${kind}Binding`,
  metadata: { name },
  roleRef: { apiGroup: group, kind, name: roleName },
  subjects: [{ apiGroup: group, kind: 'User', name: 'nobody' }],
});

/** A request for roles or bindings in the situation's namespace. */
const rbac =
  (method: string, rest: string, body: object, options: Options = {}): Ask =>
  ({ name }) =>
    kube(method, `/apis/${group}/v1/namespaces/${name}/${rest}`, body, options);

/** A request for cluster roles or cluster role bindings. */
const cluster =
  (method: string, rest: string, body: (name: string) => object, options: Options = {}): Ask =>
  ({ name }) =>
    kube(method, `/apis/${group}/v1/${rest.replace('NAME', name)}`, body(name), options);

/** Grants the stranger these permissions in the situation's namespace. */
const granted = (...rules: readonly Rule[]): readonly Ask[] => [
  namespace,
  rbac('POST', 'roles', role('Role', 'granted', rules)),
  rbac('POST', 'rolebindings', binding('Role', 'granted')),
];

/**
 * Grants the stranger these permissions in the whole cluster. No case can remove them, so they must be restricted
 * to names.
 */
const grantedEverywhere = (rules: (name: string) => readonly Rule[]): readonly Ask[] => [
  cluster('POST', 'clusterroles', (name) => role('ClusterRole', `${name}-granted`, rules(name))),
  cluster('POST', 'clusterrolebindings', (name) => binding('ClusterRole', `${name}-granted`)),
];

const as = 'stranger';
const mayWriteRoles = onRoles(['create', 'patch', 'update']);
const reader = role('Role', 'reader', [onSecrets(['get', 'list'])]);
const existing = rbac('POST', 'roles', reader);
const create = rbac('POST', 'roles', reader, { as });
const bind = rbac('POST', 'rolebindings', binding('Role', 'bound', 'reader'), { as });
const applied = 'fieldManager=contract&force=true';

const escalation = (resource: string, name: string): Answer =>
  refusal(
    403,
    'Forbidden',
    new RegExp(
      `^${resource}\\.rbac\\.authorization\\.k8s\\.io "${name}" is forbidden: user "nobody" \\(groups=\\["system:authenticated"\\]\\) is attempting to grant RBAC permissions not currently held:\\n\\{APIGroups:\\[""\\], Resources:\\["secrets"\\], Verbs:\\["get" "list"\\]\\}$`,
    ),
    { name, group, kind: resource },
  );

/** Resource names restrict permissions, and users cannot grant permissions that they lack. */
export const kubernetesRbacCases: readonly Case[] = [
  ...(['GET', 'PATCH', 'DELETE'] as const).flatMap((method): Case[] => {
    const body = method === 'PATCH' ? { data: { k: '2' } } : undefined;
    const request = ask(method, 'configmaps/one', body, { as, type: 'merge' });
    const verb = method.toLowerCase();
    return [
      {
        name: `a permission to ${verb} one name permits that name`,
        given: [...granted(onConfigMaps([verb], 'one')), created],
        ask: request,
        answer: { status: 200 },
      },
      {
        name: `a permission to ${verb} one name permits no other name`,
        given: [...granted(onConfigMaps([verb], 'two')), created],
        ask: request,
        answer: { status: 403, code: 'Forbidden' },
      },
    ];
  }),
  {
    name: 'a permission with names does not permit create',
    given: granted(onConfigMaps(['*'], 'one')),
    ask: ask('POST', 'configmaps', configMap('one'), { as }),
    answer: refusal(403, 'Forbidden', /^configmaps is forbidden: User "nobody" cannot create resource/),
  },
  {
    name: 'a permission with names does not permit list',
    given: granted(onConfigMaps(['*'], 'one')),
    ask: ask('GET', 'configmaps', undefined, { as }),
    answer: refusal(403, 'Forbidden', /^configmaps is forbidden: User "nobody" cannot list resource/),
  },
  {
    name: 'a permission with names does not permit deletecollection',
    given: granted(onConfigMaps(['*'], 'one')),
    ask: ask('DELETE', 'configmaps', undefined, { as }),
    answer: { status: 403, code: 'Forbidden' },
  },
  {
    name: 'an apply that creates an object needs the permission to create',
    given: granted(onConfigMaps(['patch'])),
    ask: ask('PATCH', `configmaps/one?${applied}`, configMap('one'), { as, type: 'apply' }),
    answer: refusal(
      403,
      'Forbidden',
      /^configmaps "one" is forbidden: User "nobody" cannot create resource "configmaps" in API group "" in the namespace "/,
    ),
  },
  {
    name: 'a permission with names permits an apply that creates',
    given: granted(onConfigMaps(['create', 'patch'], 'one')),
    ask: ask('PATCH', `configmaps/one?${applied}`, configMap('one'), { as, type: 'apply' }),
    answer: { status: 201 },
  },
  {
    name: 'a role with permissions that its author lacks is refused',
    given: granted(mayWriteRoles),
    ask: create,
    answer: escalation('roles', 'reader'),
  },
  {
    name: 'a dry run of a role with permissions that its author lacks is refused too',
    given: granted(mayWriteRoles),
    ask: rbac('POST', 'roles?dryRun=All', reader, { as }),
    answer: escalation('roles', 'reader'),
  },
  {
    name: 'a role with permissions that its author has is created',
    given: granted(mayWriteRoles, onSecrets(['get']), onSecrets(['list', 'watch'])),
    ask: create,
    answer: { status: 201 },
  },
  {
    name: 'a permission for one name does not cover a role for all names',
    given: granted(mayWriteRoles, onSecrets(['get', 'list'], 'one')),
    ask: create,
    answer: escalation('roles', 'reader'),
  },
  {
    name: 'the missing permissions are listed with their names',
    given: granted(mayWriteRoles, onSecrets(['get'], 'one')),
    ask: rbac('POST', 'roles', role('Role', 'reader', [onSecrets(['get', 'list'], 'one', 'two')]), { as }),
    answer: refusal(
      403,
      'Forbidden',
      /\n\{APIGroups:\[""\], Resources:\["secrets"\], ResourceNames:\["one"\], Verbs:\["list"\]\}\n\{APIGroups:\[""\], Resources:\["secrets"\], ResourceNames:\["two"\], Verbs:\["get" "list"\]\}$/,
    ),
  },
  {
    name: 'a permission for all names covers a role for one name',
    given: granted(mayWriteRoles, onSecrets(['get', 'list'])),
    ask: rbac('POST', 'roles', role('Role', 'reader', [onSecrets(['get'], 'one')]), { as }),
    answer: { status: 201 },
  },
  {
    name: 'a permission for a resource does not cover its subresources',
    given: granted(mayWriteRoles, onSecrets(['get'])),
    ask: rbac(
      'POST',
      'roles',
      role('Role', 'reader', [{ apiGroups: [''], resources: ['secrets/status'], verbs: ['get'] }]),
      { as },
    ),
    answer: { status: 403, code: 'Forbidden' },
  },
  {
    name: 'the permission to escalate permits a role with permissions that its author lacks',
    given: granted(mayWriteRoles, onRoles(['escalate'])),
    ask: create,
    answer: { status: 201 },
  },
  {
    name: 'the permission to escalate one role does not permit to create it',
    given: granted(mayWriteRoles, onRoles(['escalate'], 'reader')),
    ask: create,
    answer: escalation('roles', 'reader'),
  },
  {
    name: 'the permission to escalate one role permits an apply that creates it',
    given: granted(mayWriteRoles, onRoles(['escalate'], 'reader')),
    ask: rbac('PATCH', `roles/reader?${applied}`, reader, { as, type: 'apply' }),
    answer: { status: 201 },
  },
  {
    name: 'the permission to escalate one role permits to change it',
    given: [
      ...granted(mayWriteRoles, onRoles(['escalate'], 'reader')),
      rbac('POST', 'roles', role('Role', 'reader', [])),
    ],
    ask: rbac('PUT', 'roles/reader', reader, { as }),
    answer: { status: 200 },
  },
  {
    name: 'the permission to escalate one role does not permit to change another',
    given: [
      ...granted(mayWriteRoles, onRoles(['escalate'], 'other')),
      rbac('POST', 'roles', role('Role', 'reader', [])),
    ],
    ask: rbac('PUT', 'roles/reader', reader, { as }),
    answer: escalation('roles', 'reader'),
  },
  {
    name: 'a role with permissions that its author lacks keeps its labels',
    given: [...granted(mayWriteRoles), existing],
    ask: rbac('PATCH', 'roles/reader', { metadata: { labels: { k: 'v' } } }, { as, type: 'merge' }),
    answer: escalation('roles', 'reader'),
  },
  {
    name: 'a patch that changes nothing in a role is accepted',
    given: [...granted(mayWriteRoles), existing],
    ask: rbac('PATCH', 'roles/reader', { kind: 'Role' }, { as, type: 'merge' }),
    answer: { status: 200 },
  },
  {
    name: 'a binding to a role with permissions that its author lacks is refused',
    given: [...granted(onBindings), existing],
    ask: bind,
    answer: escalation('rolebindings', 'bound'),
  },
  {
    name: 'a binding to a role with permissions that its author has is created',
    given: [...granted(onBindings, onSecrets(['get', 'list'])), existing],
    ask: bind,
    answer: { status: 201 },
  },
  {
    name: 'the permission to bind one role permits a binding to it',
    given: [...granted(onBindings, onRoles(['bind'], 'reader')), existing],
    ask: bind,
    answer: { status: 201 },
  },
  {
    name: 'the permission to bind one role does not permit a binding to another',
    given: [...granted(onBindings, onRoles(['bind'], 'other')), existing],
    ask: bind,
    answer: escalation('rolebindings', 'bound'),
  },
  {
    name: 'a binding to a role that is absent is not found',
    given: granted(onBindings),
    ask: bind,
    answer: refusal(404, 'NotFound', /^rolebindings\.rbac\.authorization\.k8s\.io "reader" not found$/),
  },
  {
    name: 'the subjects of a binding cannot be changed without its permissions',
    given: [
      ...granted(onBindings),
      existing,
      rbac('POST', 'rolebindings', { ...binding('Role', 'bound', 'reader'), subjects: [] }),
    ],
    ask: rbac('PATCH', `rolebindings/bound?${applied}`, binding('Role', 'bound', 'reader'), {
      as,
      type: 'apply',
    }),
    answer: escalation('rolebindings', 'bound'),
  },
  {
    name: 'permissions in a namespace do not cover a role of the cluster',
    given: [
      ...granted(onSecrets(['get', 'list'])),
      ...grantedEverywhere((name) => [
        {
          apiGroups: [group],
          resources: ['clusterroles'],
          resourceNames: [name],
          verbs: ['create', 'patch'],
        },
      ]),
    ],
    ask: cluster(
      'PATCH',
      `clusterroles/NAME?${applied}`,
      (name) => role('ClusterRole', name, [onSecrets(['get', 'list'])]),
      { as, type: 'apply' },
    ),
    answer: ({ name }) => escalation('clusterroles', name),
  },
  {
    name: 'the permission to escalate one role of the cluster permits an apply that creates it',
    given: grantedEverywhere((name) => [
      {
        apiGroups: [group],
        resources: ['clusterroles'],
        resourceNames: [name],
        verbs: ['create', 'patch', 'escalate'],
      },
    ]),
    ask: cluster(
      'PATCH',
      `clusterroles/NAME?${applied}`,
      (name) => role('ClusterRole', name, [{ ...onSecrets(['get']), resourceNames: [] }]),
      { as, type: 'apply' },
    ),
    answer: { status: 201 },
  },
  {
    name: 'the permission to bind one role of the cluster permits a binding to it',
    given: [
      ...grantedEverywhere((name) => [
        { apiGroups: [group], resources: ['clusterroles'], resourceNames: [name], verbs: ['bind'] },
        {
          apiGroups: [group],
          resources: ['clusterrolebindings'],
          resourceNames: [name],
          verbs: ['create', 'patch'],
        },
      ]),
      cluster('POST', 'clusterroles', (name) => role('ClusterRole', name, [onSecrets(['get'], name)])),
    ],
    ask: cluster('PATCH', `clusterrolebindings/NAME?${applied}`, (name) => binding('ClusterRole', name), {
      as,
      type: 'apply',
    }),
    answer: { status: 201 },
  },
  {
    name: 'a binding to a role of the cluster with permissions that its author lacks is refused',
    given: [
      ...grantedEverywhere((name) => [
        {
          apiGroups: [group],
          resources: ['clusterrolebindings'],
          resourceNames: [name],
          verbs: ['create', 'patch'],
        },
      ]),
      cluster('POST', 'clusterroles', (name) => role('ClusterRole', name, [onSecrets(['get', 'list'])])),
    ],
    ask: cluster('PATCH', `clusterrolebindings/NAME?${applied}`, (name) => binding('ClusterRole', name), {
      as,
      type: 'apply',
    }),
    answer: ({ name }) => escalation('clusterrolebindings', name),
  },
];
