import { isManagedBy } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { managedBy } from '../core/ownership.ts';

/** Where pods run. */
export interface Placement {
  /** The names of their nodes; empty before one is scheduled. */
  readonly nodes: readonly string[];
  readonly nodeSelector: Readonly<Record<string, string>>;
}

/** A controller or a pod without one, with its images. */
export interface Workload extends Placement {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
  readonly serviceAccount: string;
  /** Pull secrets that the pod template lists. */
  readonly pullSecrets: readonly string[];
  /** The kubelet runs it from a file, so it uses no service account and no pull secret. */
  readonly isStatic: boolean;
}

/** Deployments, DaemonSets, StatefulSets, ReplicaSets without a Deployment, ReplicationControllers, CronJobs and Jobs. */
export type Controllers = readonly KubeObject[];

/** As far as it is read. A manifest may have anything in these fields. */
type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
const items = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.map(fields) : []);
const texts = (values: readonly unknown[]): string[] =>
  values.flatMap((value) => (typeof value === 'string' && value !== '' ? [value] : []));

/** The kubelet sets it on the mirror pod of a static pod. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/**
 * Every workload with its images: each controller once, also with the images of its pods, because admission can add
 * containers, and pods without a controller. Finished pods are left out: they do not pull, and can have an image that their
 * controller no longer uses. Managed controllers, the operator's, are left out too: `up` decides on their images.
 */
export function workloadsOf(controllers: Controllers, pods: readonly KubeObject[]): readonly Workload[] {
  const found = new Map<string, Workload>();
  const managed = new Set<string>();
  for (const controller of controllers) {
    if (isManagedBy(controller, managedBy)) managed.add(idOf(controller.kind, controller));
    if (ownerOf(controller)?.kind === 'CronJob') continue;
    found.set(
      idOf(controller.kind, controller),
      workload(controller.kind, controller, podSpecOf(controller) ?? {}),
    );
  }
  const jobs = new Map(controllers.map((controller) => [idOf(controller.kind, controller), controller]));
  const added = new Map<string, AddedByPods>();
  for (const pod of pods) if (!isFinished(pod)) addPod(pod, found, added, jobs);
  for (const id of managed) found.delete(id);
  return [...found].map(([id, one]) => {
    const more = added.get(id);
    if (!more) return one;
    return {
      ...one,
      images: distinct([...one.images, ...more.images]),
      nodes: distinct([...one.nodes, ...more.nodes]),
    };
  });
}

/** What the pods of a workload add to it. There can be thousands of them. */
interface AddedByPods {
  readonly images: Set<string>;
  readonly nodes: Set<string>;
}

function addPod(
  pod: KubeObject,
  found: Map<string, Workload>,
  added: Map<string, AddedByPods>,
  controllers: ReadonlyMap<string, KubeObject>,
): void {
  const bare = workload('Pod', pod, podSpecOf(pod) ?? {});
  const owner = topOwner(pod, controllers);
  if (!owner) found.set(idOf('Pod', pod), bare);
  else if (found.has(owner.id)) {
    const more = added.get(owner.id) ?? { images: new Set(), nodes: new Set() };
    added.set(owner.id, more);
    for (const image of bare.images) more.images.add(image);
    for (const node of bare.nodes) more.nodes.add(node);
  } else found.set(owner.id, { ...bare, kind: owner.kind, name: owner.name });
}

interface Owner {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
}

/** The top controller in a pod's chain of owners. The owner of a mirror pod is its node, which is not a controller. */
function topOwner(pod: KubeObject, controllers: ReadonlyMap<string, KubeObject>): Owner | undefined {
  const direct = ownerOf(pod);
  if (!direct || direct.kind === 'Node') return undefined;
  const { namespace = '' } = pod.metadata;
  const owner = (kind: string, name: string): Owner => ({ id: `${kind} ${namespace}/${name}`, kind, name });
  const deploymentName = deploymentOf(pod, direct);
  if (deploymentName !== undefined) {
    const deployment = owner('Deployment', deploymentName);
    if (controllers.has(deployment.id)) return deployment;
  }
  const self = owner(direct.kind, direct.name);
  const above = ownerOf(controllers.get(self.id));
  return above ? owner(above.kind, above.name) : self;
}

/** A Deployment names its ReplicaSets NAME-HASH, so ReplicaSets do not have to be listed. */
function deploymentOf({ metadata }: KubeObject, owner: Pick<Owner, 'kind' | 'name'>): string | undefined {
  const hash = metadata.labels?.['pod-template-hash'];
  if (!hash || owner.kind !== 'ReplicaSet' || !owner.name.endsWith(`-${hash}`)) return undefined;
  return owner.name.slice(0, -hash.length - 1);
}

/** The workload of a pod, as far as the pod itself shows it. Undefined for a pod without a controller. */
export function workloadOf(pod: KubeObject): Pick<Workload, 'kind' | 'name'> | undefined {
  const owner = ownerOf(pod);
  if (!owner || owner.kind === 'Node') return undefined;
  const deployment = deploymentOf(pod, owner);
  return deployment === undefined
    ? { kind: owner.kind, name: owner.name }
    : { kind: 'Deployment', name: deployment };
}

/** NAMESPACE/NAME of the workload of a pod, as far as the pod itself shows it. */
export const workloadName = (pod: KubeObject): string =>
  `${pod.metadata.namespace ?? ''}/${workloadOf(pod)?.name ?? pod.metadata.name}`;

export const ownerOf = (object: KubeObject | undefined) =>
  object?.metadata.ownerReferences?.find(({ controller }) => controller);

const idOf = (kind: string, { metadata }: KubeObject): string =>
  `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

/**
 * The Pod spec of an object of any kind: its own, or that of its template. Operators of custom resources use the same
 * fields. Undefined if it has none.
 */
export function podSpecOf(object: KubeObject): Fields | undefined {
  const spec = fields(object['spec']);
  const job = fields(fields(spec['jobTemplate'])['spec']);
  const templates = [spec['template'], job['template'], object['template']];
  return [spec, ...templates.map((template) => fields(fields(template)['spec']))].find(({ containers }) =>
    Array.isArray(containers),
  );
}

/** The values of all image fields of a Pod spec: of containers and of volumes. */
export function imageValuesOf(spec: Fields): readonly unknown[] {
  const all = containerLists.flatMap((list) => items(spec[list])).map(({ image }) => image);
  const mounted = items(spec['volumes']).map(({ image }) => fields(image)['reference']);
  return [...all, ...mounted].filter((image) => image !== undefined && image !== null);
}

const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** The images of a pod, or of the pods that an object creates, each once. */
export const imagesOf = (object: KubeObject): readonly string[] =>
  distinct(texts(imageValuesOf(podSpecOf(object) ?? {})));

/**
 * What the runtime of the node reports for the containers of a pod, usually `HOST/PATH@DIGEST`. It is empty until the
 * image is pulled.
 */
export function imageIdsOf({ status }: KubeObject): readonly string[] {
  const all = fields(status);
  return distinct(
    texts(containerStatusLists.flatMap((list) => items(all[list])).map(({ imageID }) => imageID)),
  );
}

/**
 * The part of a pod, or of a controller, that is read from lists: names, owners, images, placement, pull secrets and
 * status. The rest is most of the memory in a large cluster.
 */
export function withoutDetails(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, status } = object;
  const { name, namespace, uid, labels, annotations, ownerReferences, ...times } = metadata;
  const { creationTimestamp, deletionTimestamp } = times;
  const spec = podSpecOf(object);
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      ...defined({ namespace, uid, labels, ownerReferences, creationTimestamp, deletionTimestamp }),
      ...(annotations?.[mirrorAnnotation] !== undefined && {
        annotations: { [mirrorAnnotation]: annotations[mirrorAnnotation] },
      }),
    },
    ...(spec && { spec: reducedSpec(spec) }),
    ...(kind === 'Pod' && { status: reducedStatus(fields(status)) }),
  };
}

const placementFields = ['nodeName', 'nodeSelector', 'serviceAccountName', 'imagePullSecrets'] as const;

const reducedSpec = (spec: Fields): Fields => ({
  ...picked(spec, placementFields),
  ...pickedLists(spec, containerLists, ['name', 'image']),
  ...pickedLists(spec, ['volumes'], ['image']),
});

/** The lists of these names, with these fields of their items. What is empty would need memory too. */
function pickedLists(
  from: Fields,
  names: readonly string[],
  itemFields: readonly string[],
): Record<string, readonly Fields[]> {
  const reduced: Record<string, readonly Fields[]> = {};
  for (const name of names) {
    const kept = items(from[name]).filter((item) => itemFields.some((field) => item[field] !== undefined));
    if (kept.length > 0) reduced[name] = kept.map((item) => picked(item, itemFields));
  }
  return reduced;
}

const statusFields = ['phase', 'reason', 'message'] as const;
const conditionFields = ['type', 'status', 'reason', 'message'] as const;
const containerStatusFields = [
  'name',
  'image',
  'imageID',
  'ready',
  'restartCount',
  'state',
  'lastState',
] as const;
const containerStatusLists = [
  'initContainerStatuses',
  'containerStatuses',
  'ephemeralContainerStatuses',
] as const;

const reducedStatus = (status: Fields): Fields => ({
  ...picked(status, statusFields),
  ...pickedLists(status, ['conditions'], conditionFields),
  ...pickedLists(status, containerStatusLists, containerStatusFields),
});

/** In large clusters, this runs a hundred thousand times. */
function picked(object: Fields, names: readonly string[]): Fields {
  const some: Record<string, unknown> = {};
  for (const name of names) if (object[name] !== undefined) some[name] = object[name];
  return some;
}

/** Without the fields that have no value. */
const defined = <T extends object>(object: T) =>
  picked(object as Fields, Object.keys(object)) as { [Field in keyof T]?: Exclude<T[Field], undefined> };

function workload(kind: string, { metadata }: KubeObject, spec: Fields): Workload {
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    images: distinct(texts(imageValuesOf(spec))),
    serviceAccount: serviceAccountOf(spec),
    pullSecrets: texts(items(spec['imagePullSecrets']).map(({ name }) => name)),
    isStatic: metadata.annotations?.[mirrorAnnotation] !== undefined,
    ...placementIn(spec),
  };
}

/** The name of the service account of a pod with this spec. */
export const serviceAccountOf = (spec: Fields): string => texts([spec['serviceAccountName']])[0] ?? 'default';

export const placementOf = (pod: KubeObject): Placement => placementIn(podSpecOf(pod) ?? {});

const placementIn = (spec: Fields): Placement => ({
  nodes: texts([spec['nodeName']]),
  nodeSelector: Object.fromEntries(
    Object.entries(fields(spec['nodeSelector'])).flatMap(([key, value]) =>
      typeof value === 'string' ? [[key, value]] : [],
    ),
  ),
});

const distinct = (items: readonly string[]): readonly string[] => [...new Set(items)];

/** Whether it is the mirror pod of a static pod. */
export const isStaticPod = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.[mirrorAnnotation] !== undefined;

/** A pod that ended, for example by eviction. The API server keeps it for a while. */
export function isFinished(pod: KubeObject): boolean {
  const { phase } = (pod['status'] ?? {}) as { phase?: string };
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Whether the kubelet runs a pod, or will. */
export const isActive = (pod: KubeObject): boolean =>
  pod.metadata.deletionTimestamp === undefined && !isFinished(pod);
