import type { ImageSource } from '../ports.ts';
import { Containers, isCompleted, waitingStatus, type Work } from './containers.ts';
import type { ControlPlane } from './control-plane.ts';
import { isNodeReady, type Node, type NodeMachine, type StoredImage } from './node-machine.ts';
import type { KubeObject } from './objects.ts';
import { type ContainerStatus, isFinished, isRunning, isTerminating, type Pod } from './pods.ts';
import { schedule } from './scheduler.ts';
import { type Condition, withCondition } from './store.ts';

/** The most images, and the most names of each, that a kubelet reports. */
const maxImages = 50;
const maxNames = 5;

/** The kubelet of every node, with the scheduler: schedules pods, starts their containers and reports their status. */
export class Kubelet {
  readonly #plane: ControlPlane;
  readonly #containers: Containers;
  readonly #probe: (pod: Pod) => boolean;
  readonly #machineOf: (node: Node) => NodeMachine;

  /** @param probe the readiness probe: whether the containers of a running pod are ready */
  constructor(
    plane: ControlPlane,
    images: ImageSource,
    probe: (pod: Pod) => boolean,
    machineOf: (node: Node) => NodeMachine,
  ) {
    this.#plane = plane;
    this.#containers = new Containers(plane, images);
    this.#probe = probe;
    this.#machineOf = machineOf;
  }

  /**
   * Reconciles every pod once.
   * @param retry whether to retry failed work
   * @returns whether some work is unfinished, for example an image that cannot be pulled
   */
  async run(retry: boolean): Promise<boolean> {
    const { store } = this.#plane;
    for (const node of store.list<Node>('Node').filter(isNodeReady))
      this.#runStaticPods(this.#machineOf(node));
    const pods = store.list<Pod>('Pod');
    const results = await Promise.all(pods.map((pod) => this.#reconcilePod(pod, retry)));
    for (const node of store.list<Node>('Node').filter(isNodeReady)) this.#reportImages(node);
    this.#containers.forget(pods);
    return results.includes(false);
  }

  /** The lines that a container has written since it started. */
  logOf(pod: KubeObject, container: string): readonly string[] {
    return this.#containers.logOf(pod, container);
  }

  /** Creates the objects of static pods, also again when a client deleted them: that does not end the pods. */
  #runStaticPods(machine: NodeMachine): void {
    const { store } = this.#plane;
    for (const { name, namespace } of machine.takeStoppedPods()) store.delete('Pod', name, namespace);
    for (const { manifest, status } of machine.staticPods) {
      const { name = '', namespace = '' } = manifest.metadata;
      if (!store.get('Namespace', namespace) || store.get('Pod', name, namespace)) continue;
      store.put({ ...manifest, ...(status !== undefined && { status }) });
    }
  }

  async #reconcilePod(pod: Pod, retry: boolean): Promise<boolean> {
    if (isFinished(pod)) return true;
    const node = schedule(this.#plane, pod);
    if (node === undefined || !isNodeReady(node)) return true;
    if (isTerminating(pod)) {
      this.#plane.store.delete('Pod', pod.metadata.name, pod.metadata.namespace);
      return true;
    }
    const work = { pod, node, machine: this.#machineOf(node), retry };
    const { status, spec } = pod;
    if (isRunning(pod) && status?.containerStatuses === undefined) return this.#report(work, [], []);
    const hasSandbox = isRunning(pod) || status?.podIP !== undefined;
    if (!hasSandbox && !(await this.#createSandbox(work))) {
      const reason = spec.initContainers?.length ? 'PodInitializing' : 'ContainerCreating';
      const waiting = spec.containers.map((container) => waitingStatus(container, reason));
      const init = (spec.initContainers ?? []).map((container) => waitingStatus(container, reason));
      this.#report(work, init, waiting, false);
      return false;
    }
    const init = await this.#containers.runInit(work);
    if (!init.every(isCompleted)) {
      const waiting = spec.containers.map((container) => waitingStatus(container, 'PodInitializing'));
      return this.#report(work, init, waiting);
    }
    const { statuses, finished } = await this.#containers.keepRunning(work);
    return this.#report(work, init, statuses) && finished;
  }

  /** Mounts the volumes and starts the pause container. @returns whether that succeeded */
  async #createSandbox(work: Work): Promise<boolean> {
    const { pod, retry } = work;
    const problem = this.#containers.mountProblem(pod);
    if (problem !== undefined) {
      this.#plane.event(pod, 'Warning', 'FailedMount', problem, 'kubelet');
      return false;
    }
    const isFirst = pod.status?.containerStatuses === undefined;
    if (!isFirst && !retry && !work.machine.findPause()) return false;
    const failure = await this.#containers.providePause(work);
    if (failure === undefined) return true;
    const message = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox: ${failure}`;
    this.#plane.event(pod, 'Warning', 'FailedCreatePodSandBox', message, 'kubelet');
    return false;
  }

  /** @returns whether all containers run */
  #report(work: Work, init: ContainerStatus[], statuses: ContainerStatus[], hasSandbox = true): boolean {
    const { store, clock } = this.#plane;
    const { pod, machine } = work;
    const { name, namespace, uid } = pod.metadata;
    const current = store.get<Pod>('Pod', name, namespace);
    if (current === undefined || current.metadata.uid !== uid) return true;
    const running = statuses.every(({ state }) => state.running !== undefined);
    const isUp = this.#probe(pod);
    const ready = statuses.map((status) => isUp && this.#containers.isReady(work, status));
    const conditions = [
      { type: 'PodScheduled', status: 'True' } as const,
      init.every(isCompleted)
        ? ({ type: 'Initialized', status: 'True' } as const)
        : ({ type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized' } as const),
      running && isUp && ready.every(Boolean)
        ? ({ type: 'Ready', status: 'True' } as const)
        : ({ type: 'Ready', status: 'False', reason: 'ContainersNotReady' } as const),
    ].reduce<Condition[] | undefined>(
      (all, condition) => withCondition(all, condition, clock.now()),
      current.status?.conditions,
    );
    const status = {
      phase: init.every(isCompleted) && statuses.every(hasStarted) ? 'Running' : 'Pending',
      ...(hasSandbox && { podIP: pod.status?.podIP ?? '10.244.0.2' }),
      conditions,
      ...(init.length > 0 && { initContainerStatuses: init }),
      containerStatuses: statuses.map((one, index) => ({ ...one, ready: ready[index] ?? false })),
    };
    this.#plane.setStatus(pod, status);
    machine.keepStatus(name, status);
    return running;
  }

  /** Writes the images of a node to its status: the largest ones, each with its names by digest and by tag. */
  #reportImages(node: Node): void {
    const byDigest = new Map<string, StoredImage[]>();
    for (const image of this.#machineOf(node).images)
      byDigest.set(image.digest, [...(byDigest.get(image.digest) ?? []), image]);
    const images = [...byDigest.values()]
      .map((same) => ({ names: namesOf(same), sizeBytes: same[0]?.sizeBytes ?? 0 }))
      .sort((a, b) => b.sizeBytes - a.sizeBytes || ((a.names[0] ?? '') < (b.names[0] ?? '') ? -1 : 1))
      .slice(0, maxImages);
    this.#plane.setStatus(node, { ...node.status, images });
  }
}

/** Whether the container runs, or has run before: only then the pod counts as running. */
const hasStarted = ({ state, lastState }: ContainerStatus): boolean =>
  state.waiting === undefined || lastState?.terminated !== undefined;

function namesOf(images: readonly StoredImage[]): string[] {
  const digests = images.map(({ reference, digest }) => `${reference.repository}@${digest}`);
  const tags = images
    .filter(({ reference }) => reference.tag !== undefined)
    .map(({ reference }) => reference.name);
  return [...new Set([...digests, ...tags])].slice(0, maxNames);
}
