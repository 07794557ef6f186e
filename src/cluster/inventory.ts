import { setFlagsFromString } from 'node:v8';
import { isFinished, withoutDetails, type Workload, workloadsOf } from './workloads.ts';
import {
  distinct,
  asListed,
  type ImageSource,
  imagesInFields,
  kubeadmConfig,
  kubeadmImages,
  type Listed,
  listIfAllowed,
  runningIn,
  sourceIn,
  type UnreadImages,
} from './images.ts';
import type { ClusterPort, Kind, KubeObject, ListOptions, ObjectMeta } from '../clients/kubernetes/port.ts';
import type { Config } from '../config/schema.ts';
import { isPlatform } from '../core/platform.ts';
import { once } from '../core/once.ts';
import { oldestFirst } from './events.ts';
import { matchesAny } from '../core/globs.ts';
import { ignoreLabel, nodeNamespace } from '../core/ownership.ts';
import { filesRef, isAgentPod, listAgentPods, mirroredHosts } from './nodes.ts';
import { operatorKind } from './operator-api.ts';
import { podFields, serviceAccountFields } from './list-fields.ts';
import { pauseImagesOf } from './pause-images.ts';

const core = (kind: string): Kind => ({ apiVersion: 'v1', kind });
const apps = (kind: string): Kind => ({ apiVersion: 'apps/v1', kind });
const batch = (kind: string): Kind => ({ apiVersion: 'batch/v1', kind });

/** One snapshot of the cluster, read lazily and at most once. */
export function createInventory(cluster: ClusterPort, config: Config): Inventory {
  const all = (kind: Kind, options?: ListOptions) => once(() => cluster.list(kind, options));
  let hasPods = false;
  const pods = once(async () => {
    collectPagesEarly();
    const listed = await cluster.list(core('Pod'), { fields: podFields, reduce: withoutDetails });
    hasPods = true;
    return listed;
  });
  const pullSecretName = { fieldSelector: `metadata.name=${config.pullSecret.name}`, metadataOnly: true };
  const nodes = all(core('Node'), { reduce: withoutRecords });
  const controllers = once(() => readControllers(cluster));
  const podsIfAllowed = once(() => asListed(pods));
  const workloads = once(async () => {
    const [owners, running] = await Promise.all([controllers(), podsIfAllowed()]);
    return workloadsOf(owners.objects, running.objects);
  });
  const templates = once(() => listIfAllowed(cluster, core('PodTemplate')));
  const fields = once(() => imagesInFields(cluster, config));
  const kubeadm = once(() =>
    asListed(async () => {
      const found = await cluster.get(kubeadmConfig);
      return found ? [found] : [];
    }),
  );
  const imageSources = once(async () => {
    const [used, podTemplates, custom, version] = await Promise.all([
      workloads(),
      templates(),
      fields(),
      kubeadm(),
    ]);
    return [
      ...used,
      ...podTemplates.objects.map(sourceIn),
      ...custom.sources,
      ...(await kubeadmImages(version.objects[0], used)),
    ];
  });
  const unreadImages = once(async () => {
    const read = await Promise.all([controllers(), podsIfAllowed(), templates(), fields(), kubeadm()]);
    return read.flatMap(({ unread }) => unread);
  });
  return {
    namespaces: once(async () =>
      namespaceInfos(
        await cluster.list(core('Namespace'), { metadataOnly: true }),
        config.namespaces.exclude,
      ),
    ),
    serviceAccounts: all(core('ServiceAccount'), { fields: serviceAccountFields, reduce: withoutRecords }),
    pods,
    agentPods: async () => (hasPods ? (await pods()).filter(isAgentPod) : listAgentPods(cluster)),
    workloads,
    imageSources,
    unreadImages,
    imageUse: once(async () => {
      const [named, unread, owners, running, revisions, machines] = await Promise.all([
        imageSources(),
        unreadImages(),
        controllers(),
        podsIfAllowed(),
        listIfAllowed(cluster, apps('ReplicaSet'), {
          labelSelector: revisionLabel,
          reduce: withoutDetails,
        }),
        asListed(nodes),
      ]);
      const ofPods = running.objects.filter((pod) => !isFinished(pod));
      const objects = [...owners.objects, ...revisions.objects, ...ofPods];
      return {
        sources: [...named, ...objects.map(sourceIn), ...machines.objects.map(pauseSource)],
        // ReplicaSets are listed twice.
        unread: distinct([...unread, ...revisions.unread, ...machines.unread]),
      };
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
    mirroredHosts: once(async () => mirroredHosts(await cluster.get(await filesRef(cluster)))),
    runningImages: async () => runningIn((await podsIfAllowed()).objects),
    pauseImages: async () => (await nodes()).map(pauseSource),
    pullSecrets: all(core('Secret'), pullSecretName),
    externalSecrets: once(async () =>
      cluster.list(await operatorKind(cluster, 'ExternalSecret'), { reduce: withoutRecords }),
    ),
    warnings: once(async () =>
      oldestFirst(await cluster.list(core('Event'), { fieldSelector: 'type=Warning' })),
    ),
  };
}

/**
 * Lets V8's space for older objects at most double before they are collected, instead of growing to four times its size.
 * With 10,000 pods, this saves 20 MB.
 */
function collectPagesEarly(): void {
  setFlagsFromString('--heap-growing-percent=100');
}

/** The records of server-side apply can be as long as the rest. Only objects that are compared need them. */
export function withoutRecords(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata as ObjectMeta & {
    readonly managedFields?: unknown;
  };
  return { ...object, metadata };
}

const pauseSource = (node: KubeObject): PauseImages => ({
  kind: 'Node',
  namespace: '',
  name: node.metadata.name,
  images: pauseImagesOf(node),
});

/** On every ReplicaSet of a Deployment. There is one for each of its revisions, so most have no pods. */
const revisionLabel = 'pod-template-hash';

async function readControllers(cluster: ClusterPort): Promise<Listed> {
  const kinds = [
    ...['Deployment', 'DaemonSet', 'StatefulSet'].map(apps),
    ...['CronJob', 'Job'].map(batch),
    core('ReplicationController'),
  ];
  const reduce = withoutDetails;
  const lists = await Promise.all([
    ...kinds.map((kind) => listIfAllowed(cluster, kind, { reduce })),
    listIfAllowed(cluster, apps('ReplicaSet'), { labelSelector: `!${revisionLabel}`, reduce }),
  ]);
  return {
    objects: lists.flatMap(({ objects }) => objects),
    unread: lists.flatMap(({ unread }) => unread),
  };
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
export function namespaceInfos(
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

/** What the cluster uses, also what no pod pulls at the moment. */
export interface ImageUse {
  readonly sources: readonly ImageSource[];
  /** In addition to {@link Inventory.unreadImages}. */
  readonly unread: readonly UnreadImages[];
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
  /** Their metadata and pull secrets. */
  serviceAccounts(): Promise<readonly KubeObject[]>;
  /** As {@link withoutDetails} reduces them. */
  pods(): Promise<readonly KubeObject[]>;
  /** The pods of the agents on nodes, terminating ones too. They can lack what {@link withoutDetails} leaves out. */
  agentPods(): Promise<readonly KubeObject[]>;
  /** A kind that the user may not list is missing; see {@link Inventory.unreadImages}. */
  workloads(): Promise<readonly Workload[]>;
  /** The workloads, and everything else that names images which new pods would pull. */
  imageSources(): Promise<readonly ImageSource[]>;
  /** What {@link Inventory.imageSources} lacks. */
  unreadImages(): Promise<readonly UnreadImages[]>;
  imageUse(): Promise<ImageUse>;
  /** The images of containers as runtimes report them, usually `HOST/PATH@DIGEST`. */
  runningImages(): Promise<readonly string[]>;
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
