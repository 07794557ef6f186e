import { certControllerName, type Fields, namespace, object, release } from './names.ts';

const rbac = 'rbac.authorization.k8s.io/v1';
const own = 'external-secrets.io';
const generators = 'generators.external-secrets.io';
const read = ['get', 'list', 'watch'];
const change = ['create', 'delete', 'deletecollection', 'patch', 'update'];

const userKinds = ['externalsecrets', 'secretstores', 'clustersecretstores', 'pushsecrets'];
const storedKinds = [
  'secretstores',
  'clustersecretstores',
  'externalsecrets',
  'clusterexternalsecrets',
  'pushsecrets',
];
const userGenerators = [
  'acraccesstokens',
  'clustergenerators',
  'ecrauthorizationtokens',
  'fakes',
  'gcraccesstokens',
  'githubaccesstokens',
  'passwords',
  'vaultdynamicsecrets',
  'webhooks',
];
/** The view and edit roles do not include STSSessionToken and UUID. */
const allGenerators = [...userGenerators, 'stssessiontokens', 'uuids'].sort();

function rule(apiGroup: string, resources: string[], verbs: string[], resourceNames?: string[]): Fields {
  return { apiGroups: [apiGroup], resources, ...(resourceNames && { resourceNames }), verbs };
}

const controllerRules = [
  rule(own, storedKinds, read),
  rule(
    own,
    storedKinds.flatMap((kind) => [kind, `${kind}/status`, `${kind}/finalizers`]),
    ['get', 'update', 'patch'],
  ),
  rule(generators, allGenerators, read),
  rule('', ['serviceaccounts', 'namespaces'], read),
  rule('', ['configmaps'], read),
  rule('', ['secrets'], [...read, 'create', 'update', 'delete', 'patch']),
  rule('', ['serviceaccounts/token'], ['create']),
  rule('', ['events'], ['create', 'patch']),
  rule(own, ['externalsecrets'], ['create', 'update', 'delete']),
];

const leases = rule('coordination.k8s.io', ['leases'], ['get', 'create', 'update', 'patch']);
const certControllerRules = [
  rule('apiextensions.k8s.io', ['customresourcedefinitions'], [...read, 'update', 'patch']),
  rule('admissionregistration.k8s.io', ['validatingwebhookconfigurations'], read),
  rule(
    'admissionregistration.k8s.io',
    ['validatingwebhookconfigurations'],
    ['update', 'patch'],
    ['secretstore-validate', 'externalsecret-validate'],
  ),
  rule('', ['endpoints'], read),
  rule('', ['events'], ['create', 'patch']),
  rule('', ['secrets'], [...read, 'update', 'patch']),
  leases,
];

/** Five ClusterRoles, two ClusterRoleBindings, a Role and its RoleBinding. */
export function roles(): Fields[] {
  return [
    clusterRole('controller', controllerRules),
    clusterRole(
      'view',
      [rule(own, userKinds, read), rule(generators, userGenerators, read)],
      ['view', 'edit', 'admin'],
    ),
    clusterRole(
      'edit',
      [rule(own, userKinds, change), rule(generators, userGenerators, change)],
      ['edit', 'admin'],
    ),
    labelled(clusterRole('servicebindings', [rule(own, ['externalsecrets'], read)]), {
      'servicebinding.io/controller': 'true',
    }),
    object(
      rbac,
      'ClusterRole',
      certControllerName,
      certControllerName,
      { rules: certControllerRules },
      'cluster',
    ),
    binding('ClusterRole', `${release}-controller`, release),
    binding('ClusterRole', certControllerName, certControllerName),
    object(rbac, 'Role', `${release}-leaderelection`, release, {
      rules: [
        rule('', ['configmaps'], ['get', 'update', 'patch'], ['external-secrets-controller']),
        rule('', ['configmaps'], ['create']),
        leases,
      ],
    }),
    binding('Role', `${release}-leaderelection`, release),
  ];
}

function clusterRole(name: string, rules: Fields[], aggregateTo: string[] = []): Fields {
  const aggregation = aggregateTo.map((role) => [`rbac.authorization.k8s.io/aggregate-to-${role}`, 'true']);
  const role = object(rbac, 'ClusterRole', `${release}-${name}`, release, { rules }, 'cluster');
  return labelled(role, Object.fromEntries(aggregation) as Fields);
}

function labelled(role: Fields, added: Fields): Fields {
  const metadata = role['metadata'] as { labels: Fields };
  return { ...role, metadata: { ...metadata, labels: { ...metadata.labels, ...added } } };
}

/** Binds a role to the service account of a program, with the name of the role. */
function binding(kind: 'ClusterRole' | 'Role', name: string, account: string): Fields {
  const scope = kind === 'ClusterRole' ? 'cluster' : 'namespaced';
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name };
  const subjects = [{ kind: 'ServiceAccount', name: account, namespace }];
  return object(rbac, `${kind}Binding`, name, account, { roleRef, subjects }, scope);
}
