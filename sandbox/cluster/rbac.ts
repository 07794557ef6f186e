import { StatusError } from './errors.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import type { ObjectStore } from './store.ts';

/** An authenticated user. */
export interface User {
  readonly username: string;
  readonly groups: readonly string[];
}

/** The attributes of an authorization request, as in a SelfSubjectAccessReview. */
export interface Attributes {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** A request that needs a permission. */
interface Requested {
  readonly user: User;
  readonly verb: string;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

export interface Rule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

interface RoleRef {
  kind: string;
  name: string;
}

export interface Binding extends KubeObject {
  roleRef: RoleRef;
  subjects?: { kind: string; name: string; namespace?: string }[];
}

/**
 * Authorizes by the roles and bindings in the store, as RBAC does: a request that no rule allows is forbidden. Only the
 * group system:masters needs no rule.
 */
export function isAllowed(store: ObjectStore, user: User, wanted: Attributes): boolean {
  const { verb, group = '', resource = '', subresource, namespace, name } = wanted;
  const right: Rule = {
    verbs: [verb],
    apiGroups: [group],
    resources: [subresource ? `${resource}/${subresource}` : resource],
    ...(name && { resourceNames: [name] }),
  };
  return rulesOfUser(store, user, namespace).some((rule) => isCovered(right, rule));
}

/** @throws StatusError with code 403 unless the user has the permission */
export function requireRight(store: ObjectStore, requested: Requested): void {
  const { user, verb, resource, namespace = '', name = '', subresource = '' } = requested;
  const wanted = { verb, group: resource.group, resource: resource.plural, subresource, namespace, name };
  if (!isAllowed(store, user, wanted)) throw forbidden(requested);
}

export function forbidden({ user, verb, resource, namespace, name, subresource }: Requested): StatusError {
  const target = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  const subject = resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const object = name === undefined ? '' : ` "${name}"`;
  const message = `${subject}${object} is forbidden: User "${user.username}" cannot ${verb} resource "${target}" in API group "${resource.group}" ${scope}`;
  return new StatusError(403, 'Forbidden', message, { name, group: resource.group, kind: resource.plural });
}

/** The rules that are bound to a user in a namespace; without a namespace, only those for the whole cluster. */
export function rulesOfUser(store: ObjectStore, user: User, namespace = ''): Rule[] {
  const bindings = store.list<Binding>('ClusterRoleBinding');
  if (namespace) bindings.push(...store.list<Binding>('RoleBinding', namespace));
  const bound = bindings
    .filter(({ subjects }) => subjects?.some((subject) => isSubject(subject, user)))
    .flatMap(({ roleRef, metadata }) => rulesOfRole(store, roleRef, metadata.namespace) ?? []);
  return user.groups.includes('system:masters') ? [...everything, ...bound] : bound;
}

/** The rules of the role cluster-admin, which every cluster binds to system:masters. */
const everything: readonly Rule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** @returns undefined if the role does not exist */
export function rulesOfRole(
  store: ObjectStore,
  { kind, name }: RoleRef,
  namespace: string | undefined,
): Rule[] | undefined {
  const role = store.get<KubeObject & { rules?: Rule[] }>(
    kind,
    name,
    kind === 'Role' ? namespace : undefined,
  );
  return role && (role.rules ?? []);
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

/** Whether a rule includes a permission with one verb on one resource, name or URL. */
export function isCovered(right: Rule, rule: Rule): boolean {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const covers = (values: readonly string[], wanted: readonly string[] = []): boolean =>
    values.includes('*') || wanted.every((value) => values.includes(value));
  if (!covers(verbs, right.verbs)) return false;
  if (right.nonResourceURLs) {
    return right.nonResourceURLs.every((url) => nonResourceURLs.some((pattern) => matchesUrl(url, pattern)));
  }
  const target = right.resources?.[0] ?? '';
  const ofAll = target.includes('/') && resources.includes(target.replace(/^[^/]*/, '*'));
  const isNamed =
    resourceNames.length === 0 ||
    (right.resourceNames?.every((name) => resourceNames.includes(name)) ?? false);
  return covers(apiGroups, right.apiGroups) && (ofAll || covers(resources, right.resources)) && isNamed;
}

const matchesUrl = (url: string, pattern: string): boolean =>
  pattern.endsWith('*') ? url.startsWith(pattern.slice(0, -1)) : url === pattern;
