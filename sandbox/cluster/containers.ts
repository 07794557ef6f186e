import type { ImageSource } from '../ports.ts';
import { pullImage, type PullSecret } from './container-runtime.ts';
import type { ControlPlane } from './control-plane.ts';
import { agentMode, hasAgentProbe, hasCrioFolders, type Mirrors, NodeAgent } from './node-agent.ts';
import { isCrio, type Node, type NodeMachine, pauseImage, type StoredImage } from './node-machine.ts';
import { equal, type KubeObject, timestamp } from './objects.ts';
import type { Container, ContainerStatus, Pod, PodSpec, Terminated } from './pods.ts';
import { parseReference } from './references.ts';

/** Milliseconds of sandbox time until a kubelet refreshes the volume of a changed Secret. */
const refreshAfter = 60_000;

interface Secret extends KubeObject {
  data?: Record<string, string>;
}

/** A pod that its kubelet reconciles. */
export interface Work {
  readonly pod: Pod;
  readonly node: Node;
  readonly machine: NodeMachine;
  /** Whether to retry failed work. */
  readonly retry: boolean;
}

/** The node agent in a pod, with the Secret volume of that pod. */
interface RunningAgent {
  readonly agent: NodeAgent;
  mirrors: Mirrors;
  /** When the volume became outdated. */
  staleSince: number | undefined;
}

/** The containers of all pods: pulls their images, and starts and restarts them. */
export class Containers {
  readonly #plane: ControlPlane;
  readonly #images: ImageSource;
  /** By the UID of the pod. */
  readonly #agents = new Map<string, RunningAgent>();
  /** By the UID of the pod and the name of the container. */
  readonly #logs = new Map<string, string[]>();

  constructor(plane: ControlPlane, images: ImageSource) {
    this.#plane = plane;
    this.#images = images;
  }

  logOf({ metadata }: KubeObject, container: string): readonly string[] {
    return this.#logs.get(`${metadata.uid}/${container}`) ?? [];
  }

  /** Forgets everything about other pods than these. */
  forget(pods: readonly Pod[]): void {
    const uids = new Set(pods.map(({ metadata }) => metadata.uid));
    for (const uid of this.#agents.keys()) if (!uids.has(uid)) this.#agents.delete(uid);
    for (const key of this.#logs.keys()) if (!uids.has(key.split('/')[0])) this.#logs.delete(key);
  }

  /** Why the volumes of a pod cannot be mounted. A kubelet ignores those that no container mounts. */
  mountProblem({ spec, metadata }: Pod): string | undefined {
    const mounted = new Set(mountsOf(spec).map(({ name }) => name));
    const volumes = (spec.volumes ?? []).filter(({ name }) => mounted.has(name));
    const sources = volumes.flatMap(({ name, secret, configMap }) => [
      { volume: name, kind: 'Secret', source: secret?.secretName, optional: secret?.optional },
      { volume: name, kind: 'ConfigMap', source: configMap?.name, optional: configMap?.optional },
    ]);
    for (const { volume, kind, source, optional } of sources) {
      if (source === undefined || optional) continue;
      if (this.#plane.store.get(kind, source, metadata.namespace)) continue;
      return `MountVolume.SetUp failed for volume "${volume}" : ${kind.toLowerCase()} "${source}" not found`;
    }
    return undefined;
  }

  /** Pulls the pause image unless it is on the node. @returns the error of containerd */
  async providePause({ node, machine }: Work): Promise<string | undefined> {
    if (machine.findPause()) return undefined;
    const failure = await pullImage({ machine, node, images: this.#images }, pauseImage);
    return (
      failure &&
      `failed to get sandbox image "${pauseImage}": failed to pull image "${pauseImage}": ${failure}`
    );
  }

  /** Runs the init containers, each after the one before has succeeded. */
  async runInit(work: Work): Promise<ContainerStatus[]> {
    const statuses: ContainerStatus[] = [];
    for (const container of work.pod.spec.initContainers ?? []) {
      const before = work.pod.status?.initContainerStatuses?.find(({ name }) => name === container.name);
      if (before !== undefined && isCompleted(before)) statuses.push(before);
      else if (!statuses.every(isCompleted)) statuses.push(waitingStatus(container, 'PodInitializing'));
      else if (isBackingOff(before) && !work.retry) statuses.push(before);
      else statuses.push(await this.#runToEnd(work, container, before));
    }
    return statuses;
  }

  async #runToEnd(work: Work, container: Container, before?: ContainerStatus): Promise<ContainerStatus> {
    const failed = await this.#provideImage(work, container, before);
    if (failed !== undefined) return failed;
    const exitCode = this.#exitCodeOf(work, container);
    const terminated = this.#terminated(this.#now(), exitCode);
    const restartCount = before?.lastState?.terminated ? before.restartCount + 1 : 0;
    const status = { ...this.#statusOf(work, container), restartCount };
    if (exitCode === 0) return { ...status, state: { terminated } };
    const { name, namespace, uid } = work.pod.metadata;
    const message = `back-off 10s restarting failed container=${container.name} pod=${name}_${namespace}(${uid})`;
    this.#plane.event(work.pod, 'Warning', 'BackOff', message, 'kubelet');
    return {
      ...status,
      state: { waiting: { reason: 'CrashLoopBackOff', message } },
      lastState: { terminated },
    };
  }

  #exitCodeOf(work: Work, container: Container): number {
    const mode = agentMode(container, work.pod.spec);
    if (mode === undefined) return container.command?.[0] === 'false' ? 1 : 0;
    const { agent, mirrors } = this.#agentOf(work, container);
    try {
      if (mode === 'write') agent.write(mirrors);
      if (mode === 'remove') agent.remove();
      return 0;
    } catch (error) {
      this.#log(work.pod, container, error instanceof Error ? error.message : String(error));
      return 1;
    }
  }

  /**
   * Starts the containers that do not run, and lets the node agent work.
   * @returns their states, and whether the agent has nothing left to do
   */
  async keepRunning(work: Work): Promise<{ statuses: ContainerStatus[]; finished: boolean }> {
    const statuses: ContainerStatus[] = [];
    let finished = true;
    for (const container of work.pod.spec.containers) {
      const before = work.pod.status?.containerStatuses?.find(({ name }) => name === container.name);
      const status = await this.#keep(work, container, before);
      statuses.push(status);
      const isWatching = status.state.running && agentMode(container, work.pod.spec) === 'watch';
      if (isWatching) finished = this.#watch(work, container);
    }
    return { statuses, finished };
  }

  async #keep(work: Work, container: Container, before?: ContainerStatus): Promise<ContainerStatus> {
    if (before?.state.running === undefined) {
      return isBackingOff(before) && !work.retry ? before : this.#start(work, container, before);
    }
    const exitCode = this.#endOf(work, container, before.state.running.startedAt);
    if (exitCode === undefined) return before;
    const terminated = this.#terminated(before.state.running.startedAt, exitCode);
    return this.#start(work, container, { ...before, lastState: { terminated } });
  }

  /** The exit code of a container that has ended since it started. */
  #endOf({ machine, pod }: Work, container: Container, startedAt: string): number | undefined {
    const [command, seconds] = container.command ?? [];
    const end = command === 'sleep' ? Date.parse(startedAt) + Number(seconds) * 1000 : Infinity;
    if (end <= this.#plane.clock.now()) return 0;
    const isKilled = machine.agentKilled && agentMode(container, pod.spec) === 'watch';
    return isKilled ? 137 : undefined;
  }

  async #start(work: Work, container: Container, before?: ContainerStatus): Promise<ContainerStatus> {
    const failed = await this.#provideImage(work, container, before);
    if (failed !== undefined) return failed;
    const { pod, machine } = work;
    this.#logs.delete(`${pod.metadata.uid}/${container.name}`);
    if (agentMode(container, pod.spec) === 'watch') {
      machine.agentKilled = false;
      if (before?.lastState) this.#agents.delete(pod.metadata.uid ?? '');
    }
    return {
      ...this.#statusOf(work, container),
      started: true,
      restartCount: before?.lastState?.terminated ? before.restartCount + 1 : 0,
      state: { running: { startedAt: this.#now() } },
      ...(before?.lastState && { lastState: before.lastState }),
    };
  }

  /** One round of the agent. @returns whether its volume is up to date */
  #watch(work: Work, container: Container): boolean {
    const running = this.#agentOf(work, container);
    const now = this.#plane.clock.now();
    const secret = this.#mirrorsOf(work.pod);
    if (equal(running.mirrors, secret)) running.staleSince = undefined;
    else if (now - (running.staleSince ??= now) >= refreshAfter) {
      running.mirrors = secret;
      running.staleSince = undefined;
    }
    if (work.machine.agentSuspended) return running.staleSince === undefined;
    const lines = running.agent.watch(running.mirrors, now);
    for (const line of lines) this.#log(work.pod, container, line);
    return running.staleSince === undefined;
  }

  /** The readiness probe of a container. */
  isReady(work: Work, { name, state }: ContainerStatus): boolean {
    const container = work.pod.spec.containers.find((one) => one.name === name);
    if (state.running === undefined || container === undefined) return state.running !== undefined;
    if (!hasAgentProbe(container)) return true;
    const { agent, mirrors } = this.#agentOf(work, container);
    return agent.check(mirrors, this.#plane.clock.now()) === undefined;
  }

  #agentOf({ pod, node, machine }: Work, container: Container): RunningAgent {
    const { uid = '' } = pod.metadata;
    const known = this.#agents.get(uid);
    if (known !== undefined) return known;
    const project = container.env?.find(({ name }) => name === 'PROJECT')?.value ?? '';
    const agent = new NodeAgent(machine, project, isCrio(node) && hasCrioFolders(pod.spec));
    const running: RunningAgent = { agent, mirrors: this.#mirrorsOf(pod), staleSince: undefined };
    this.#agents.set(uid, running);
    return running;
  }

  /** The content of the Secret that the pod mounts at `/mirrors`. A deleted Secret counts as empty. */
  #mirrorsOf({ spec, metadata }: Pod): Mirrors {
    const mount = mountsOf(spec).find(isMirrors);
    const volume = spec.volumes?.find(({ name }) => name === mount?.name);
    const secret = this.#plane.store.get<Secret>(
      'Secret',
      volume?.secret?.secretName ?? '',
      metadata.namespace,
    );
    const entries = Object.entries(secret?.data ?? {});
    return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  #log({ metadata }: Pod, { name }: Container, line: string): void {
    const key = `${metadata.uid}/${name}`;
    this.#logs.set(key, [...(this.#logs.get(key) ?? []), line]);
  }

  /** Pulls the image of a container if necessary. @returns the status of the container when that fails */
  async #provideImage(
    { pod, node, machine }: Work,
    container: Container,
    before: ContainerStatus | undefined,
  ): Promise<ContainerStatus | undefined> {
    const { image, imagePullPolicy } = container;
    const reference = parseReference(image);
    const policy = imagePullPolicy ?? (reference.tag === 'latest' ? 'Always' : 'IfNotPresent');
    const secrets = this.#pullSecretsOf(pod);
    const stored = machine.findImage(reference);
    const isUsable = stored !== undefined && (!verifiesSecrets(node) || mayUse(stored, secrets));
    if (isUsable && policy !== 'Always') return undefined;
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      return waitingStatus(container, 'ErrImageNeverPull', message, before);
    }
    const failure = await pullImage({ machine, node, images: this.#images }, image, secrets);
    if (failure === undefined) return undefined;
    this.#plane.event(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${failure}`, 'kubelet');
    this.#plane.event(pod, 'Warning', 'Failed', 'Error: ErrImagePull', 'kubelet');
    if (!isPullFailure(before)) return waitingStatus(container, 'ErrImagePull', failure, before);
    const message = `Back-off pulling image "${image}": ErrImagePull: ${failure}`;
    return waitingStatus(container, 'ImagePullBackOff', message, before);
  }

  #pullSecretsOf({ spec, metadata }: Pod): PullSecret[] {
    return (spec.imagePullSecrets ?? []).flatMap(({ name }) => {
      const secret = this.#plane.store.get<Secret>('Secret', name, metadata.namespace);
      const config = secret?.data?.['.dockerconfigjson'];
      if (secret === undefined || config === undefined) return [];
      return [{ uid: secret.metadata.uid ?? '', config: Buffer.from(config, 'base64').toString() }];
    });
  }

  #statusOf({ machine }: Work, { name, image }: Container): Omit<ContainerStatus, 'state'> {
    const stored = machine.findImage(parseReference(image));
    const imageID = stored === undefined ? '' : `${stored.reference.repository}@${stored.digest}`;
    return { name, image, imageID, ready: false, restartCount: 0 };
  }

  #now(): string {
    return timestamp(this.#plane.clock.now());
  }

  #terminated(startedAt: string, exitCode: number): Terminated {
    return { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt, finishedAt: this.#now() };
  }
}

const mountsOf = ({ initContainers = [], containers }: PodSpec) =>
  [...initContainers, ...containers].flatMap(({ volumeMounts = [] }) => volumeMounts);

const isMirrors = ({ mountPath }: { mountPath: string }): boolean => mountPath === '/mirrors';

export const isCompleted = (status: ContainerStatus | undefined): boolean =>
  status?.state.terminated?.exitCode === 0;

const isBackingOff = (status: ContainerStatus | undefined): status is ContainerStatus =>
  status?.state.waiting !== undefined &&
  !/^(PodInitializing|ContainerCreating)$/.test(status.state.waiting.reason);

const isPullFailure = (status: ContainerStatus | undefined): boolean =>
  /^(ErrImagePull|ImagePullBackOff)$/.test(status?.state.waiting?.reason ?? '');

/** The status of a container that does not run. */
export function waitingStatus(
  { name, image }: Container,
  reason: string,
  message?: string,
  before?: ContainerStatus,
): ContainerStatus {
  return {
    name,
    image,
    ready: false,
    restartCount: before?.restartCount ?? 0,
    state: { waiting: { reason, ...(message !== undefined && { message }) } },
    ...(before?.lastState && { lastState: before.lastState }),
  };
}

/** Since 1.35, a kubelet lets a pod use an image on the node only with a secret that it was pulled with. */
function verifiesSecrets({ status }: Node): boolean {
  const [, minor = ''] = /^v1\.(\d+)/.exec(status?.nodeInfo?.kubeletVersion ?? '') ?? [];
  return Number(minor) >= 35;
}

const mayUse = ({ open, secrets }: StoredImage, own: readonly PullSecret[]): boolean =>
  open || own.some(({ uid }) => secrets.has(uid));
