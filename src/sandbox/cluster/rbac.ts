import type { KubeObject } from './objects.ts';
import type { ObjectStore } from './store.ts';

/** Who asks, as an authenticator tells it. */
export interface User {
  readonly username: string;
  readonly groups: readonly string[];
}

/** What is asked; the same fields as in a SelfSubjectAccessReview. */
export interface Attributes {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

interface Rule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
}

interface Binding extends KubeObject {
  roleRef: { kind: string; name: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

/** Decides from the roles and bindings in the store, as RBAC does: what no rule allows is forbidden. */
export function isAllowed(store: ObjectStore, user: User, wanted: Attributes): boolean {
  const bindings = store.list<Binding>('ClusterRoleBinding');
  if (wanted.namespace) bindings.push(...store.list<Binding>('RoleBinding', wanted.namespace));
  return bindings.some((binding) => {
    if (!binding.subjects?.some((subject) => isSubject(subject, user))) return false;
    const { kind, name } = binding.roleRef;
    const namespace = kind === 'Role' ? binding.metadata.namespace : undefined;
    const role = store.get<KubeObject & { rules?: Rule[] }>(kind, name, namespace);
    return role?.rules?.some((rule) => permits(rule, wanted)) ?? false;
  });
}

/** A service account as a user. */
export function serviceAccountUser(namespace: string, name: string): User {
  return {
    username: `system:serviceaccount:${namespace}:${name}`,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}

function isSubject(subject: { kind: string; name: string; namespace?: string }, user: User): boolean {
  if (subject.kind === 'Group') return user.groups.includes(subject.name);
  if (subject.kind === 'User') return user.username === subject.name;
  return user.username === serviceAccountUser(subject.namespace ?? '', subject.name).username;
}

function permits(
  rule: Rule,
  { verb, group = '', resource = '', subresource, name = '' }: Attributes,
): boolean {
  const includes = (values: string[] = [], value: string) => values.includes('*') || values.includes(value);
  const named =
    rule.resourceNames === undefined || rule.resourceNames.length === 0 || rule.resourceNames.includes(name);
  const target = subresource ? `${resource}/${subresource}` : resource;
  return (
    includes(rule.verbs, verb) && includes(rule.apiGroups, group) && includes(rule.resources, target) && named
  );
}
