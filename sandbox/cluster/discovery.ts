import type { Fields } from './objects.ts';
import { apiVersion, type Resource } from './resources.ts';

/** The responses of `/version`, the probes, `/api`, `/apis` and the paths below them; undefined for other paths. */
export function discover(
  path: string,
  resources: readonly Resource[],
  version: string,
): Fields | string | undefined {
  if (/^\/(healthz|livez|readyz)$/.test(path)) return 'ok';
  if (path === '/version') {
    const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
    return { major, minor, gitVersion: version, platform: 'linux/amd64' };
  }
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups(resources) };
  const [, group = '', one] = /^\/(?:apis\/([^/]+)|api)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (one === undefined) return groups(resources).find((found) => found['name'] === group);
  const served = resources.filter((resource) => resource.group === group && resource.versions.includes(one));
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersion(group, one),
    resources: served.flatMap(describe),
  };
}

function groups(resources: readonly Resource[]): Fields[] {
  const names = new Set(resources.map(({ group }) => group).filter((group) => group !== ''));
  return [...names].map((name) => {
    const members = resources.filter(({ group }) => group === name);
    const versions = [...new Set(members.flatMap((member) => member.versions))].map((version) => ({
      groupVersion: apiVersion(name, version),
      version,
    }));
    return { name, versions, preferredVersion: versions[0] };
  });
}

function describe({ plural, shortNames, kind, namespaced, status }: Resource): Fields[] {
  const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update'];
  const main = {
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
  };
  const sub = {
    name: `${plural}/status`,
    singularName: '',
    namespaced,
    kind,
    verbs: ['get', 'patch', 'update'],
  };
  const log = { ...sub, name: `${plural}/log`, verbs: ['get'] };
  return [main, ...(kind === 'Pod' ? [log] : []), ...(status ? [sub] : [])];
}
