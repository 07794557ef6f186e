import type { IncomingMessage } from 'node:http';
import { StatusError } from './errors.ts';
import { type Attributes, isAllowed, serviceAccountUser, type User } from './rbac.ts';
import type { ObjectStore } from './store.ts';

const authentication = 'authentication.k8s.io';

/**
 * The impersonated user of a request, as in the Kubernetes documentation, "User impersonation". Each user, group, UID and
 * extra value needs the permission to impersonate it.
 * @throws StatusError with code 403 without that permission
 */
export function impersonated(
  store: ObjectStore,
  user: User,
  { headersDistinct }: Pick<IncomingMessage, 'headersDistinct'>,
): User {
  const values = (name: string): readonly string[] =>
    (headersDistinct[name] ?? []).map((value) => Buffer.from(value, 'latin1').toString());
  const [username] = values('impersonate-user');
  if (username === undefined) return user;
  const groups = values('impersonate-group');
  const [, namespace, account] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? [];
  const isAccount = namespace !== undefined && account !== undefined;
  requireRight(
    store,
    user,
    isAccount
      ? { resource: 'serviceaccounts', name: account, namespace }
      : { resource: 'users', name: username },
  );
  for (const name of groups) requireRight(store, user, { resource: 'groups', name });
  for (const name of values('impersonate-uid')) {
    requireRight(store, user, { group: authentication, resource: 'uids', name });
  }
  for (const header of Object.keys(headersDistinct).filter((key) => key.startsWith('impersonate-extra-'))) {
    const subresource = decodeURIComponent(header.slice('impersonate-extra-'.length));
    for (const name of values(header)) {
      requireRight(store, user, { group: authentication, resource: 'userextras', subresource, name });
    }
  }
  if (isAccount && groups.length === 0) return serviceAccountUser(namespace, account);
  return { username, groups: [...groups, 'system:authenticated'] };
}

function requireRight(store: ObjectStore, user: User, asked: Omit<Attributes, 'verb'>): void {
  if (isAllowed(store, user, { verb: 'impersonate', ...asked })) return;
  const { group = '', resource = '', subresource, namespace, name = '' } = asked;
  const target = subresource === undefined ? resource : `${resource}/${subresource}`;
  const subject = group === '' ? target : `${target}.${group}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const message = `${subject} "${name}" is forbidden: User "${user.username}" cannot impersonate resource "${target}" in API group "${group}" ${scope}`;
  throw new StatusError(403, 'Forbidden', message, { name, group, kind: resource });
}
