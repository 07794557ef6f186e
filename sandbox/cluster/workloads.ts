import { type ControlPlane, remembered, shortHash } from './control-plane.ts';
import { StatusError } from './errors.ts';
import { controllerOf, controllerReference, type KubeObject, type Metadata } from './objects.ts';
import { isReady, isTerminating, type Pod, type PodSpec } from './pods.ts';
import { type Condition, withCondition } from './store.ts';

export interface Workload extends KubeObject {
  spec: {
    replicas?: number;
    selector?: unknown;
    template: { metadata?: Partial<Metadata>; spec: PodSpec };
  };
  status?: { conditions?: Condition[] };
}

/** Identifies the template of a pod or a ReplicaSet. */
const revisionLabel = 'pod-template-hash';

/** Deployments create ReplicaSets. ReplicaSets and StatefulSets create pods. Jobs are only stored. */
export function runWorkloads(plane: ControlPlane): void {
  const { store } = plane;
  const replicasOf = ({ spec }: Workload) => spec.replicas ?? 1;
  for (const deployment of store.list<Workload>('Deployment')) rollOut(plane, deployment);
  for (const set of store.list<Workload>('ReplicaSet')) {
    keepPods(plane, set, Array<undefined>(replicasOf(set)).fill(undefined));
  }
  for (const set of store.list<Workload>('StatefulSet')) {
    const ordinals = [...Array(replicasOf(set)).keys()];
    keepPods(
      plane,
      set,
      ordinals.map((ordinal) => `${set.metadata.name}-${ordinal}`),
    );
  }
}

const revisionOf = remembered(({ metadata, spec }: Workload['spec']['template']) =>
  shortHash([metadata?.annotations, spec]),
);

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
  const ready = podsOf(plane, current).filter(isReady).length;
  const old = owned<Workload>(plane, 'ReplicaSet', deployment).filter(
    (set) => set.metadata.name !== current.metadata.name,
  );
  if (ready >= replicas)
    for (const set of old) plane.store.put({ ...set, spec: { ...set.spec, replicas: 0 } });

  const available = ready + old.flatMap((set) => podsOf(plane, set).filter(isReady)).length;
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

/** The pods that an object controls. */
export const podsOf = (plane: ControlPlane, owner: KubeObject): Pod[] => owned<Pod>(plane, 'Pod', owner);

/**
 * Creates the missing pods of a set. Deletes pods of an older template, and pods above the desired number.
 * @param names one for each pod; undefined for a generated name
 */
function keepPods(plane: ControlPlane, set: Workload, names: readonly (string | undefined)[]): void {
  const { metadata, spec } = set;
  const revision = revisionOf(spec.template);
  const all = podsOf(plane, set);
  const pods = all.filter((pod) => !isTerminating(pod));
  const kept = pods.filter((pod) => pod.metadata.labels?.[revisionLabel] === revision).slice(0, names.length);
  for (const pod of pods.filter((candidate) => !kept.includes(candidate))) {
    plane.store.delete('Pod', pod.metadata.name, pod.metadata.namespace);
  }
  const taken = (name: string | undefined) => all.some((pod) => pod.metadata.name === name);
  const free = names.filter((name) => !taken(name)).slice(0, names.length - kept.length);
  for (const name of free) createPod(plane, set, { name, label: [revisionLabel, revision] });

  const ready = podsOf(plane, set).filter(isReady).length;
  plane.setStatus(set, {
    observedGeneration: metadata.generation,
    replicas: names.length,
    readyReplicas: ready,
    availableReplicas: ready,
  });
}

interface NewPod {
  /** By default a generated name. */
  name?: string | undefined;
  /** By default the scheduler selects one. */
  nodeName?: string;
  /** By default that of the template. */
  spec?: PodSpec;
  /** The label that identifies the template. */
  label: readonly [string, string];
}

/** Creates a pod of a set. An event reports a refusal. */
export function createPod(
  plane: ControlPlane,
  set: Workload,
  { name, nodeName, label: [key, revision], spec = set.spec.template.spec }: NewPod,
): void {
  const { kind, metadata } = set;
  const { template } = set.spec;
  try {
    plane.write({
      kind: 'Pod',
      metadata: {
        ...template.metadata,
        ...(name === undefined ? { generateName: `${metadata.name}-` } : { name }),
        labels: { ...template.metadata?.labels, [key]: revision },
        namespace: metadata.namespace ?? '',
        ownerReferences: [controllerReference(set)],
      },
      spec: { ...spec, ...(nodeName !== undefined && { nodeName }) },
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
