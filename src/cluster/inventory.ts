import { type Controllers, type Workload, workloadsOf } from './workloads.ts';
import type { ClusterPort, Kind, KubeObject, ListOptions } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import { isPlatform } from '../core/platform.ts';
import { once } from '../core/once.ts';
import { oldestFirst } from './events.ts';
import { matchesAny } from '../core/globs.ts';
import { ignoreLabel, nodeNamespace } from '../core/ownership.ts';
import { filesRef, mirroredHosts } from './nodes.ts';
import { pauseImagesOf } from './pause-images.ts';

const core = (kind: string): Kind => ({ apiVersion: 'v1', kind });
const apps = (kind: string): Kind => ({ apiVersion: 'apps/v1', kind });
const batch = (kind: string): Kind => ({ apiVersion: 'batch/v1', kind });

/** One snapshot of the cluster, read lazily and at most once. */
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
    nodes,
    mirroredHosts: once(async () => mirroredHosts(await cluster.get(filesRef))),
    pauseImages: async () =>
      (await nodes()).map((node) => ({
        kind: 'Node' as const,
        namespace: '' as const,
        name: node.metadata.name,
        images: pauseImagesOf(node),
      })),
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

/** @param exclude globs of `namespaces.exclude`: `kube-*` */
function namespaceInfos(
  namespaces: readonly KubeObject[],
  exclude: readonly string[],
): readonly NamespaceInfo[] {
  const excluded = matchesAny(exclude);
  return namespaces.map((namespace) => {
    const { name, labels = {}, deletionTimestamp } = namespace.metadata;
    return {
      name,
      labels,
      ignored: name !== nodeNamespace && (optsOut(namespace) || excluded(name)),
      terminating: deletionTimestamp !== undefined,
    };
  });
}

export const optsOut = ({ metadata }: KubeObject): boolean => metadata.labels?.[ignoreLabel] === 'true';

export interface NamespaceInfo {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By label or configuration: gets no pull secret, and its service accounts are not changed. */
  readonly ignored: boolean;
  readonly terminating: boolean;
}

export interface PauseImages {
  readonly kind: 'Node';
  readonly namespace: '';
  readonly name: string;
  readonly images: readonly string[];
}

export interface OddNode {
  readonly name: string;
  /** As the node reports it. */
  readonly platform: string;
}

/** One snapshot of the cluster for one observation. Each list is read at most once, for all namespaces, in pages. */
export interface Inventory {
  namespaces(): Promise<readonly NamespaceInfo[]>;
  serviceAccounts(): Promise<readonly KubeObject[]>;
  pods(): Promise<readonly KubeObject[]>;
  workloads(): Promise<readonly Workload[]>;
  /** The distinct platforms of the nodes, for example `linux/amd64`. */
  platforms(): Promise<readonly string[]>;
  /** Nodes that report a platform for which no image can exist. */
  oddNodes(): Promise<readonly OddNode[]>;
  nodes(): Promise<readonly KubeObject[]>;
  /** The registries that nodes pull from ECR. */
  mirroredHosts(): Promise<readonly string[]>;
  /** The images of the pod sandboxes, by node. */
  pauseImages(): Promise<readonly PauseImages[]>;
  /** The pull secrets of all namespaces, metadata only. */
  pullSecrets(): Promise<readonly KubeObject[]>;
  externalSecrets(): Promise<readonly KubeObject[]>;
  /** Warning events, newest last. */
  warnings(): Promise<readonly KubeObject[]>;
}
