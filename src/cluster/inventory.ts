import type { ClusterPort, Kind, KubeObject, ListOptions } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import { isPlatform } from '../core/platform.ts';
import { once } from '../core/once.ts';
import { oldestFirst } from './events.ts';
import { namespaceInfos } from './namespaces.ts';
import type { Inventory } from './inventory-port.ts';
import { type Controllers, workloadsOf } from './workloads.ts';

const core = (kind: string): Kind => ({ apiVersion: 'v1', kind });
const apps = (kind: string): Kind => ({ apiVersion: 'apps/v1', kind });
const batch = (kind: string): Kind => ({ apiVersion: 'batch/v1', kind });

/** One snapshot of the cluster: nothing is read before it is asked for, and everything at most once. */
export function createInventory(cluster: ClusterPort, config: Config): Inventory {
  const all = (kind: Kind, options?: ListOptions) => once(() => cluster.list(kind, options));
  const pods = all(core('Pod'));
  const pullSecretName = { fieldSelector: `metadata.name=${config.pullSecret.name}`, metadataOnly: true };
  const nodes = all(core('Node'));
  const controllers = once(() => readControllers(cluster));
  return {
    namespaces: once(async () =>
      namespaceInfos(await cluster.list(core('Namespace')), config.namespaces.exclude),
    ),
    serviceAccounts: all(core('ServiceAccount')),
    pods,
    workloads: once(async () => {
      const [owners, podList] = await Promise.all([controllers(), pods()]);
      return workloadsOf(owners, podList);
    }),
    platforms: once(async () => {
      const platforms = (await nodes()).map(platformOf).filter((text) => text !== undefined);
      return [...new Set(platforms.filter(isPlatform))].sort();
    }),
    oddNodes: async () =>
      (await nodes()).flatMap((node) => {
        const platform = platformOf(node);
        return platform === undefined || isPlatform(platform) ? [] : [{ name: node.metadata.name, platform }];
      }),
    pullSecrets: all(core('Secret'), pullSecretName),
    externalSecrets: all({ apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret' }),
    warnings: once(async () =>
      oldestFirst(await cluster.list(core('Event'), { fieldSelector: 'type=Warning' })),
    ),
  };
}

async function readControllers(cluster: ClusterPort): Promise<Controllers> {
  const kinds = [apps('Deployment'), apps('DaemonSet'), apps('StatefulSet'), batch('CronJob'), batch('Job')];
  return (await Promise.all(kinds.map((kind) => cluster.list(kind)))).flat();
}

interface NodeStatus {
  readonly nodeInfo?: { readonly operatingSystem?: string; readonly architecture?: string };
}

/** Undefined before the kubelet has reported anything. */
function platformOf({ status }: KubeObject): string | undefined {
  const { operatingSystem = '', architecture = '' } = (status as NodeStatus | undefined)?.nodeInfo ?? {};
  return operatingSystem === '' && architecture === '' ? undefined : `${operatingSystem}/${architecture}`;
}
