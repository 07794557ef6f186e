import type { ImageSource, PullResult } from '../ports.ts';
import type { ControlPlane } from './control-plane.ts';
import { type KubeObject, timestamp } from './objects.ts';
import {
  type Container,
  type ContainerStatus,
  isFinished,
  isRunning,
  type Pod,
  type PodSpec,
} from './pods.ts';
import { matches } from './selectors.ts';
import { type Condition, withCondition } from './store.ts';

interface Node extends KubeObject {
  spec?: { taints?: { key: string; value?: string; effect: string }[] };
  status?: { nodeInfo?: { architecture?: string }; images?: { names?: string[] }[] };
}

/** The scheduler, and the kubelet of every node: schedules pods, pulls their images and reports their status. */
export class Kubelet {
  readonly #plane: ControlPlane;
  readonly #images: ImageSource;
  readonly #probe: (pod: Pod) => boolean;

  /** @param probe the readiness probe: whether the containers of a running pod are ready */
  constructor(plane: ControlPlane, images: ImageSource, probe: (pod: Pod) => boolean) {
    this.#plane = plane;
    this.#images = images;
    this.#probe = probe;
  }

  /**
   * Reconciles every pod once.
   * @param retry whether to retry failed image pulls
   * @returns whether some images are still not pulled
   */
  async run(retry: boolean): Promise<boolean> {
    const results = await Promise.all(
      this.#plane.store.list<Pod>('Pod').map((pod) => this.#reconcilePod(pod, retry)),
    );
    return results.includes(false);
  }

  async #reconcilePod(pod: Pod, retry: boolean): Promise<boolean> {
    if (isFinished(pod)) return true;
    if (isRunning(pod)) {
      this.#report(pod, pod.status?.containerStatuses ?? []);
      return true;
    }
    const node = this.#schedule(pod);
    if (node === undefined) return true;
    if (pod.status?.containerStatuses !== undefined && !retry) return false;
    const { containers, initContainers = [] } = pod.spec;
    const wanted = [...initContainers, ...containers];
    const results = await Promise.all(wanted.map((container) => this.#pull(pod, container, node)));
    this.#report(
      pod,
      wanted.map((container, index) => this.#started(pod, container, results[index] ?? 'pulled')),
    );
    return results.every((result) => result === 'pulled');
  }

  /** The node of the pod. The scheduler selects one if the pod names none; undefined when no node matches. */
  #schedule(pod: Pod): Node | undefined {
    const { store, clock } = this.#plane;
    const nodes = store.list<Node>('Node');
    if (pod.spec.nodeName !== undefined)
      return nodes.find(({ metadata }) => metadata.name === pod.spec.nodeName);
    const node = nodes.find((candidate) => accepts(candidate, pod.spec));
    if (node !== undefined) {
      store.put({ ...pod, spec: { ...pod.spec, nodeName: node.metadata.name } });
      return node;
    }
    const message = `0/${nodes.length} nodes are available: none matches the pod's node selector and tolerations.`;
    const condition: Condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
    this.#plane.setStatus(pod, {
      phase: 'Pending',
      conditions: withCondition(pod.status?.conditions, condition, clock.now()),
    });
    this.#plane.event(pod, 'Warning', 'FailedScheduling', message, 'default-scheduler');
    return undefined;
  }

  /** Images that are preloaded on the node need no pull and no credentials. */
  async #pull(pod: Pod, { image, imagePullPolicy }: Container, node: Node): Promise<PullResult> {
    const preloaded = node.status?.images?.some(({ names = [] }) => names.includes(image)) ?? false;
    if (preloaded && imagePullPolicy !== 'Always') return 'pulled';
    const { store } = this.#plane;
    const dockerConfigs = (pod.spec.imagePullSecrets ?? []).flatMap(({ name }) => {
      const secret = store.get<KubeObject & { data?: Record<string, string> }>(
        'Secret',
        name,
        pod.metadata.namespace,
      );
      const config = secret?.data?.['.dockerconfigjson'];
      return config === undefined ? [] : [Buffer.from(config, 'base64').toString()];
    });
    return this.#images.pull(image, `linux/${node.status?.nodeInfo?.architecture ?? 'amd64'}`, dockerConfigs);
  }

  #started(pod: Pod, { name, image }: Container, result: PullResult): ContainerStatus {
    const status = { name, image, ready: false, restartCount: 0 };
    if (result === 'pulled')
      return { ...status, state: { running: { startedAt: timestamp(this.#plane.clock.now()) } } };
    const failure = `failed to pull and unpack image "${image}": ${describeFailure(image, result)}`;
    this.#plane.event(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${failure}`, 'kubelet');
    this.#plane.event(pod, 'Warning', 'Failed', 'Error: ErrImagePull', 'kubelet');
    if (pod.status?.containerStatuses === undefined) {
      return { ...status, state: { waiting: { reason: 'ErrImagePull', message: failure } } };
    }
    const message = `Back-off pulling image "${image}": ErrImagePull: ${failure}`;
    return { ...status, state: { waiting: { reason: 'ImagePullBackOff', message } } };
  }

  #report(pod: Pod, statuses: ContainerStatus[]): void {
    const { store, clock } = this.#plane;
    const { name, namespace, uid } = pod.metadata;
    const current = store.get<Pod>('Pod', name, namespace);
    if (current?.metadata.uid !== uid) return;
    const running = statuses.every(({ state }) => state.running !== undefined);
    const ready = running && this.#probe(pod);
    const scheduled = withCondition(
      current?.status?.conditions,
      { type: 'PodScheduled', status: 'True' },
      clock.now(),
    );
    const readiness: Condition = ready
      ? { type: 'Ready', status: 'True' }
      : { type: 'Ready', status: 'False', reason: 'ContainersNotReady' };
    this.#plane.setStatus(pod, {
      phase: running ? 'Running' : 'Pending',
      podIP: pod.status?.podIP ?? '10.244.0.2',
      conditions: withCondition(scheduled, readiness, clock.now()),
      containerStatuses: statuses.map((status) => ({
        ...status,
        ready: ready && status.state.running !== undefined,
      })),
    });
  }
}

function accepts({ metadata, spec }: Node, { nodeSelector = {}, tolerations = [] }: PodSpec): boolean {
  const tolerated = (spec?.taints ?? [])
    .filter(({ effect }) => effect !== 'PreferNoSchedule')
    .every((taint) =>
      tolerations.some(
        ({ key, operator = 'Equal', value, effect }) =>
          (key === undefined || key === taint.key) &&
          (operator === 'Exists' || (value ?? '') === (taint.value ?? '')) &&
          (effect === undefined || effect === taint.effect),
      ),
    );
  return tolerated && matches({ matchLabels: nodeSelector }, metadata.labels);
}

/** The error of containerd for a failed pull. */
function describeFailure(image: string, result: Exclude<PullResult, 'pulled'>): string {
  const [host = ''] = image.split('/');
  const resolve = `failed to resolve reference "${image}"`;
  const failures = {
    unauthorized: `${resolve}: unexpected status from HEAD request to https://${host}/v2/: 401 Unauthorized`,
    'not-found': `${resolve}: ${image}: not found`,
    'no-matching-platform': 'no match for platform in manifest: not found',
    'no-route': `${resolve}: failed to do request: dial tcp: lookup ${host}: no such host`,
  };
  return failures[result];
}
