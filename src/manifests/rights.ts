import type { KubeObject } from '../cluster/port.ts';

/** A list that YAML leaves empty is null. */
type List = readonly string[] | null;

interface Rule {
  readonly apiGroups?: List;
  readonly resources?: List;
  readonly verbs?: List;
  readonly resourceNames?: List;
  readonly nonResourceURLs?: List;
}

/** Lists are words with blanks between. */
const allow = (apiGroup: string, resources: string, verbs: string, names?: string): Rule => ({
  apiGroups: [apiGroup],
  resources: resources.split(' '),
  verbs: verbs.split(' '),
  ...(names === undefined ? {} : { resourceNames: names.split(' ') }),
});

const own = 'external-secrets.io';
const generators = 'generators.external-secrets.io';
const read = 'get list watch';
const change = 'create delete deletecollection patch update';
const kindsForUsers = 'externalsecrets secretstores clustersecretstores pushsecrets';
const kinds = `${kindsForUsers} clusterexternalsecrets`;
const generatorsForUsers =
  'acraccesstokens clustergenerators ecrauthorizationtokens fakes gcraccesstokens githubaccesstokens passwords vaultdynamicsecrets webhooks';
const parts = kinds.split(' ').flatMap((kind) => [kind, `${kind}/status`, `${kind}/finalizers`]);
const leases = allow('coordination.k8s.io', 'leases', 'get create update patch');
const webhooks = 'validatingwebhookconfigurations';

/** What the ClusterRoles and the Role of v0.12.1 allow, as its chart renders them. */
const allowed: Readonly<Record<string, readonly Rule[]>> = {
  'external-secrets-controller': [
    allow(own, kinds, read),
    allow(own, parts.join(' '), 'get update patch'),
    allow(own, 'externalsecrets', 'create update delete'),
    allow(generators, `${generatorsForUsers} stssessiontokens uuids`, read),
    allow('', 'serviceaccounts namespaces configmaps', read),
    allow('', 'secrets', `${read} create update delete patch`),
    allow('', 'serviceaccounts/token', 'create'),
    allow('', 'events', 'create patch'),
  ],
  'external-secrets-cert-controller': [
    allow('apiextensions.k8s.io', 'customresourcedefinitions', `${read} update patch`),
    allow('admissionregistration.k8s.io', webhooks, read),
    allow(
      'admissionregistration.k8s.io',
      webhooks,
      'update patch',
      'secretstore-validate externalsecret-validate',
    ),
    allow('', 'endpoints', read),
    allow('', 'events', 'create patch'),
    allow('', 'secrets', `${read} update patch`),
    leases,
  ],
  'external-secrets-view': [allow(own, kindsForUsers, read), allow(generators, generatorsForUsers, read)],
  'external-secrets-edit': [allow(own, kindsForUsers, change), allow(generators, generatorsForUsers, change)],
  'external-secrets-servicebindings': [allow(own, 'externalsecrets', read)],
  'external-secrets-leaderelection': [
    allow('', 'configmaps', 'get update patch', 'external-secrets-controller'),
    allow('', 'configmaps', 'create'),
    leases,
  ],
};

/** To whom the bindings, each of the role of its own name, give it. */
const accounts: Readonly<Record<string, string>> = {
  'external-secrets-controller': 'external-secrets',
  'external-secrets-cert-controller': 'external-secrets-cert-controller',
  'external-secrets-leaderelection': 'external-secrets',
};

/** What roles and bindings give beyond those of the release, in words. */
export function excessRights(objects: readonly KubeObject[]): string[] {
  return objects.flatMap((object) => {
    if (/^(Cluster)?Role$/.test(object.kind)) return excessOf(object);
    return /^(Cluster)?RoleBinding$/.test(object.kind) ? misboundBy(object) : [];
  });
}

function excessOf(role: KubeObject): string[] {
  const { kind, metadata } = role;
  const { rules, aggregationRule } = role as { rules?: readonly Rule[] | null; aggregationRule?: object };
  const known = new Set((allowed[metadata.name] ?? []).flatMap(rightsIn));
  const excess = (rules ?? []).flatMap(rightsIn).filter((right) => !known.has(right));
  const all = [...(aggregationRule ? ['the rights of other roles'] : []), ...excess];
  return all.map((right) => `${kind} ${metadata.name} allows ${right}`);
}

/** Each single right, as a text to compare and to show. */
function rightsIn(rule: Rule): string[] {
  const { apiGroups, resources, verbs, resourceNames, nonResourceURLs } = rule;
  const things = [
    ...(apiGroups ?? []).flatMap((group) =>
      (resources ?? []).map((name) => (group === '' ? name : `${name}.${group}`)),
    ),
    ...(nonResourceURLs ?? []),
  ];
  return (verbs ?? []).flatMap((verb) =>
    things.flatMap((thing) => (resourceNames ?? ['']).map((name) => `${verb} ${thing} ${name}`.trim())),
  );
}

function misboundBy(binding: KubeObject): string[] {
  const { kind, metadata } = binding;
  const { roleRef, subjects: given } = binding as {
    roleRef?: { kind?: string; name?: string };
    subjects?: readonly { kind?: string; name?: string; namespace?: string }[] | null;
  };
  const subjects = given ?? [];
  const role = `${roleRef?.kind ?? ''} ${roleRef?.name ?? ''}`;
  const named = subjects.map((subject) => `${subject.kind ?? ''} ${subject.name ?? ''}`).join(', ');
  const isOurs =
    role === `${kind.replace('Binding', '')} ${metadata.name}` &&
    named === `ServiceAccount ${accounts[metadata.name] ?? ''}` &&
    subjects.every(({ namespace }) => namespace === subjects[0]?.namespace);
  return isOurs ? [] : [`${kind} ${metadata.name} gives ${role} to ${named}`];
}
