import { type ControlPlane, shortHash } from './control-plane.ts';
import { StatusError } from './errors.ts';
import { controllerOf, controllerReference, type KubeObject, type Metadata } from './objects.ts';
import { isReady, type Pod, type PodSpec } from './pods.ts';
import { type Condition, withCondition } from './store.ts';

interface Workload extends KubeObject {
  spec: {
    replicas?: number;
    selector?: unknown;
    template: { metadata?: Partial<Metadata>; spec: PodSpec };
  };
  status?: { conditions?: Condition[] };
}

/** Identifies the template of a pod or a ReplicaSet. */
const revisionLabel = 'pod-template-hash';

/** The name and node of one pod of a set. The name generator or the scheduler sets absent fields. */
interface PodSlot {
  name?: string;
  nodeName?: string;
}

/** Deployments create ReplicaSets. ReplicaSets, DaemonSets and StatefulSets create pods. Jobs are only stored. */
export function runWorkloads(plane: ControlPlane): void {
  const { store } = plane;
  const ordinals = ({ spec }: Workload) => [...Array(spec.replicas ?? 1).keys()];
  const nodes = store.list('Node').map(({ metadata }) => ({ nodeName: metadata.name }));
  for (const deployment of store.list<Workload>('Deployment')) rollOut(plane, deployment);
  for (const set of store.list<Workload>('ReplicaSet')) {
    keepPods(
      plane,
      set,
      ordinals(set).map(() => ({})),
    );
  }
  for (const set of store.list<Workload>('StatefulSet')) {
    keepPods(
      plane,
      set,
      ordinals(set).map((ordinal) => ({ name: `${set.metadata.name}-${ordinal}` })),
    );
  }
  for (const set of store.list<Workload>('DaemonSet')) keepPods(plane, set, nodes);
}

const revisionOf = ({ metadata, spec }: Workload['spec']['template']) =>
  shortHash([metadata?.annotations, spec]);

function owned<T extends KubeObject>({ store }: ControlPlane, kind: string, { metadata }: KubeObject): T[] {
  return store
    .list<T>(kind, metadata.namespace)
    .filter((object) => controllerOf(object)?.uid === metadata.uid);
}

/** A rolling update: old pods stay until the new pods are ready, so they stay if these cannot start. */
function rollOut(plane: ControlPlane, deployment: Workload): void {
  const { metadata, spec, status } = deployment;
  const { template, selector, replicas = 1 } = spec;
  const revision = revisionOf(template);
  const labels = { ...template.metadata?.labels, [revisionLabel]: revision };
  const name = `${metadata.name}-${revision}`;
  const current = plane.store.put({
    ...plane.store.get('ReplicaSet', name, metadata.namespace),
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: metadata.namespace ?? '',
      labels,
      ownerReferences: [controllerReference(deployment)],
    },
    spec: { replicas, selector, template: { ...template, metadata: { ...template.metadata, labels } } },
  });
  const ready = owned<Pod>(plane, 'Pod', current).filter(isReady).length;
  const old = owned<Workload>(plane, 'ReplicaSet', deployment).filter(
    (set) => set.metadata.name !== current.metadata.name,
  );
  if (ready >= replicas)
    for (const set of old) plane.store.put({ ...set, spec: { ...set.spec, replicas: 0 } });

  const available = ready + old.flatMap((set) => owned<Pod>(plane, 'Pod', set).filter(isReady)).length;
  const enough = available >= replicas;
  const complete = ready >= replicas;
  const now = plane.clock.now();
  const conditions = withCondition(
    withCondition(
      status?.conditions,
      {
        type: 'Available',
        status: enough ? 'True' : 'False',
        reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      },
      now,
    ),
    {
      type: 'Progressing',
      status: 'True',
      reason: complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated',
    },
    now,
  );
  plane.setStatus(deployment, {
    observedGeneration: metadata.generation,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: available,
    availableReplicas: available,
    unavailableReplicas: Math.max(0, replicas - available),
    conditions,
  });
}

/** Creates the missing pods of a set. Deletes pods of an older template, and pods above the desired number. */
function keepPods(plane: ControlPlane, set: Workload, slots: readonly PodSlot[]): void {
  const { kind, metadata, spec } = set;
  const revision = revisionOf(spec.template);
  const pods = owned<Pod>(plane, 'Pod', set);
  const kept = pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === revision).slice(0, slots.length);
  for (const pod of pods.filter((candidate) => !kept.includes(candidate))) {
    plane.store.delete('Pod', pod.metadata.name, pod.metadata.namespace);
  }
  const taken = (slot: PodSlot) =>
    kept.some(
      (pod) => slot.name === pod.metadata.name || (slot.nodeName && slot.nodeName === pod.spec.nodeName),
    );
  const free = slots.filter((slot) => !taken(slot)).slice(0, slots.length - kept.length);
  for (const slot of free) createPod(plane, set, slot, revision);

  const ready = owned<Pod>(plane, 'Pod', set).filter(isReady).length;
  const counts =
    kind === 'DaemonSet'
      ? { desiredNumberScheduled: slots.length, numberReady: ready, numberAvailable: ready }
      : { replicas: slots.length, readyReplicas: ready, availableReplicas: ready };
  plane.setStatus(set, { observedGeneration: metadata.generation, ...counts });
}

function createPod(plane: ControlPlane, set: Workload, { name, nodeName }: PodSlot, revision: string): void {
  const { kind, metadata, spec } = set;
  const { template } = spec;
  try {
    plane.write({
      kind: 'Pod',
      metadata: {
        ...template.metadata,
        ...(name === undefined ? { generateName: `${metadata.name}-` } : { name }),
        labels: { ...template.metadata?.labels, [revisionLabel]: revision },
        namespace: metadata.namespace ?? '',
        ownerReferences: [controllerReference(set)],
      },
      spec: { ...template.spec, ...(nodeName !== undefined && { nodeName }) },
    });
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    plane.event(
      set,
      'Warning',
      'FailedCreate',
      `Error creating: ${error.message}`,
      `${kind.toLowerCase()}-controller`,
    );
  }
}
