import { isManagedBy } from '../clients/kubernetes/names.ts';
import type { KubeObject } from '../clients/kubernetes/port.ts';
import { managedBy } from '../core/ownership.ts';

/** A controller or bare pod that names images, with what names them. */
export interface Workload {
  /** `Deployment shop/web`; static pods are `Node NAME` mirror pods and say so. */
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
  readonly serviceAccount: string;
  /** Pull secrets that the pod template itself names. */
  readonly pullSecrets: readonly string[];
  /** Run by the kubelet from a file: no service account, no pull secret can help it. */
  readonly isStatic: boolean;
}

/** Deployments, DaemonSets, StatefulSets, CronJobs and Jobs. */
export type Controllers = readonly KubeObject[];

interface PodSpec {
  readonly containers?: readonly { readonly image?: string }[];
  readonly initContainers?: readonly { readonly image?: string }[];
  readonly ephemeralContainers?: readonly { readonly image?: string }[];
  readonly serviceAccountName?: string;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
}

/** Set by the kubelet on the API's image of a pod that it runs from a file. */
const mirrorAnnotation = 'kubernetes.io/config.mirror';

/**
 * What names images: each controller once, with the images of its pods too (admission may have added containers),
 * and pods that none of the controllers owns. Finished pods are left out, for they pull no more and may be of an image that
 * their controller has given up, and so are the operator's own parts: their images are this program's business, whatever
 * somebody wrote into them.
 */
export function workloadsOf(controllers: Controllers, pods: readonly KubeObject[]): readonly Workload[] {
  const found = new Map<string, Workload>();
  const ours = new Set<string>();
  for (const controller of controllers) {
    if (isManagedBy(controller, managedBy)) ours.add(idOf(controller.kind, controller));
    if (ownerOf(controller)?.kind === 'CronJob') continue;
    found.set(
      idOf(controller.kind, controller),
      workload(controller.kind, controller, templateOf(controller)),
    );
  }
  const jobs = new Map(controllers.map((controller) => [idOf(controller.kind, controller), controller]));
  for (const pod of pods) if (!isFinished(pod)) addPod(pod, found, jobs);
  return [...found].filter(([id]) => !ours.has(id)).map(([, one]) => one);
}

function addPod(
  pod: KubeObject,
  found: Map<string, Workload>,
  controllers: ReadonlyMap<string, KubeObject>,
): void {
  const own = workload('Pod', pod, pod['spec'] as PodSpec);
  const owner = topOwner(pod, controllers);
  const known = owner && found.get(owner.id);
  if (owner && known) {
    found.set(owner.id, { ...known, images: distinct([...known.images, ...own.images]) });
  } else if (owner) {
    found.set(owner.id, { ...own, kind: owner.kind, name: owner.name });
  } else {
    found.set(idOf('Pod', pod), own);
  }
}

interface Owner {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
}

/** The controller at the top of a pod's chain of owners; a mirror pod's owner is its node, which is none. */
function topOwner(pod: KubeObject, controllers: ReadonlyMap<string, KubeObject>): Owner | undefined {
  const direct = ownerOf(pod);
  if (!direct || direct.kind === 'Node') return undefined;
  const { namespace = '', labels } = pod.metadata;
  const owner = (kind: string, name: string): Owner => ({ id: `${kind} ${namespace}/${name}`, kind, name });
  const hash = labels?.['pod-template-hash'];
  if (direct.kind === 'ReplicaSet' && hash && direct.name.endsWith(`-${hash}`)) {
    // A Deployment names its ReplicaSets NAME-HASH; reading all ReplicaSets only to learn that is not worth it.
    const deployment = owner('Deployment', direct.name.slice(0, -hash.length - 1));
    if (controllers.has(deployment.id)) return deployment;
  }
  const self = owner(direct.kind, direct.name);
  const above = ownerOf(controllers.get(self.id));
  return above ? owner(above.kind, above.name) : self;
}

const ownerOf = (object: KubeObject | undefined) =>
  object?.metadata.ownerReferences?.find(({ controller }) => controller);

const idOf = (kind: string, { metadata }: KubeObject): string =>
  `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;

interface Templates {
  readonly template?: { readonly spec?: PodSpec };
  readonly jobTemplate?: { readonly spec?: { readonly template?: { readonly spec?: PodSpec } } };
}

function templateOf(controller: KubeObject): PodSpec {
  const { template, jobTemplate } = (controller['spec'] ?? {}) as Templates;
  return template?.spec ?? jobTemplate?.spec?.template?.spec ?? {};
}

function workload(kind: string, { metadata }: KubeObject, spec: PodSpec): Workload {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers];
  return {
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    images: distinct(all.flatMap(({ image }) => (image ? [image] : []))),
    serviceAccount: spec.serviceAccountName || 'default',
    pullSecrets: (spec.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : [])),
    isStatic: metadata.annotations?.[mirrorAnnotation] !== undefined,
  };
}

const distinct = (items: readonly string[]): readonly string[] => [...new Set(items)];

/** Ended for good, as after an eviction or the shutdown of its node; the API keeps it. */
export function isFinished(pod: KubeObject): boolean {
  const { phase } = (pod['status'] ?? {}) as { phase?: string };
  return phase === 'Succeeded' || phase === 'Failed';
}
