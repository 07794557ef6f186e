import { notAdmitted } from './errors.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';
import type { ObjectStore } from './store.ts';

interface ResourceQuota extends KubeObject {
  spec?: { hard?: Record<string, string> };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

/** Resources that a quota can also name without `count/`. */
const plain = new Set(['configmaps', 'pods', 'resourcequotas', 'secrets', 'services']);

/** The names under which a quota limits the number of objects of a resource. */
function countsOf({ group, plural }: Resource): string[] {
  const count = `count/${plural}${group === '' ? '' : `.${group}`}`;
  return group === '' && plain.has(plural) ? [count, plural] : [count];
}

/**
 * The ResourceQuota plug-in, for numbers of objects. As in a real API server, a quota takes effect when its controller
 * has written its status.
 * @throws StatusError when one more object exceeds a quota
 */
export function requireQuota(store: ObjectStore, resource: Resource, { metadata }: KubeObject): void {
  const { name, namespace = '' } = metadata;
  for (const quota of store.list<ResourceQuota>('ResourceQuota', namespace)) {
    const hard = quota.status?.hard ?? {};
    const used = store.list(resource.kind, namespace).length;
    const exceeded = countsOf(resource).filter((count) => count in hard && used + 1 > Number(hard[count]));
    if (exceeded.length === 0) continue;
    const listed = (amount: (count: string) => number | string | undefined): string =>
      exceeded.map((count) => `${count}=${amount(count)}`).join(',');
    const figures = `requested: ${listed(() => 1)}, used: ${listed(() => used)}, limited: ${listed((count) => hard[count])}`;
    throw notAdmitted(resource, name, `exceeded quota: ${quota.metadata.name}, ${figures}`);
  }
}

/** The quota controller: writes the limits and the usage to the status of each quota. */
export function countQuotas(store: ObjectStore): void {
  const resources = store.resources();
  for (const quota of store.list<ResourceQuota>('ResourceQuota')) {
    const { hard = {} } = quota.spec ?? {};
    const used = Object.keys(hard).map((count) => {
      const resource = resources.find((one) => countsOf(one).includes(count));
      const objects = resource ? store.list(resource.kind, quota.metadata.namespace) : [];
      return [count, String(objects.length)];
    });
    store.put({ ...quota, status: { hard, used: Object.fromEntries(used) as Record<string, string> } });
  }
}
