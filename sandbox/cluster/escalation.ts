import { equal, type KubeObject, without } from './objects.ts';
import { notAdmitted, notFound } from './errors.ts';
import {
  type Binding,
  isAllowed,
  isCovered,
  type Rule,
  rulesOfRole,
  rulesOfUser,
  type User,
} from './rbac.ts';
import type { Resource } from './resources.ts';
import type { ObjectStore } from './store.ts';

interface Write {
  readonly user: User;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  /** The name in the path, which a POST does not have. */
  readonly name?: string | undefined;
}

const group = 'rbac.authorization.k8s.io';

/**
 * Checks that a role or a binding grants only permissions that its author has. An author with the permission to
 * `escalate` the role, or to `bind` it, can grant more.
 * @throws StatusError with code 403 for a grant of other permissions
 */
export function refuseEscalation(
  store: ObjectStore,
  write: Write,
  object: KubeObject,
  old?: KubeObject,
): void {
  const { user, resource, namespace = '', name = '' } = write;
  if (resource.group !== group || (old !== undefined && equal(content(object), content(old)))) return;
  const may = (verb: string, plural: string, about: string): boolean =>
    isAllowed(store, user, { verb, group, resource: plural, namespace, name: about });
  let rules: readonly Rule[];
  if (/^(Cluster)?Role$/.test(object.kind)) {
    if (may('escalate', resource.plural, name)) return;
    rules = (object as { rules?: Rule[] }).rules ?? [];
  } else {
    const { roleRef } = object as Binding;
    if (may('bind', `${roleRef.kind.toLowerCase()}s`, roleRef.name)) return;
    const found = rulesOfRole(store, roleRef, namespace);
    if (found === undefined) throw notFound(resource, roleRef.name);
    rules = found;
  }
  const held = rulesOfUser(store, user, namespace);
  const missing = rules.flatMap(singleRights).filter((right) => !held.some((rule) => isCovered(right, rule)));
  if (missing.length === 0) return;
  const who = `user ${JSON.stringify(user.username)} (groups=${listed(user.groups)})`;
  const lines = describeRights(missing).join('\n');
  throw notAdmitted(
    resource,
    object.metadata.name,
    `${who} is attempting to grant RBAC permissions not currently held:\n${lines}`,
  );
}

/** The fields whose change counts as a new grant. Garbage collection can change the other fields. */
const content = (object: KubeObject): object => ({
  ...object,
  metadata: without(
    object.metadata,
    'ownerReferences',
    'finalizers',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
  ),
});

/** Splits a rule into single permissions: each with one verb on one resource, name or URL. */
function singleRights(rule: Rule): Rule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [{}] : resourceNames.map((name) => ({ resourceNames: [name] }));
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((url) => ({ verbs: [verb], nonResourceURLs: [url] })),
    ...apiGroups.flatMap((apiGroup) =>
      resources.flatMap((resource) =>
        names.map((named) => ({ verbs: [verb], apiGroups: [apiGroup], resources: [resource], ...named })),
      ),
    ),
  ]);
}

/** One line for each resource, name or URL, with all its verbs. */
function describeRights(rights: readonly Rule[]): string[] {
  const verbs = new Map<string, string[]>();
  for (const { apiGroups, resources, resourceNames, nonResourceURLs, verbs: own } of rights) {
    const subject = Object.entries({
      APIGroups: apiGroups,
      Resources: resources,
      NonResourceURLs: nonResourceURLs,
      ResourceNames: resourceNames,
    }).flatMap(([field, values]) => (values ? [`${field}:${listed(values)}, `] : []));
    verbs.set(subject.join(''), [...(verbs.get(subject.join('')) ?? []), ...own]);
  }
  return [...verbs].map(([subject, own]) => `{${subject}Verbs:${listed(own)}}`).sort();
}

const listed = (values: readonly string[]): string =>
  `[${values.map((value) => JSON.stringify(value)).join(' ')}]`;
