import { badRequest, StatusError } from './errors.ts';
import { isNodeReady, type Node } from './node-machine.ts';
import type { Pod } from './pods.ts';
import type { ObjectStore } from './store.ts';

/** The container of a log request; by default the only one. @throws StatusError when that is not clear */
export function logContainer({ metadata, spec }: Pod, wanted: string): string {
  const { initContainers = [], containers } = spec;
  const names = (list: typeof containers) => list.map(({ name }) => name).join(' ');
  const [only, ...others] = containers;
  if (wanted === '' && only !== undefined && others.length + initContainers.length === 0) return only.name;
  if (wanted === '') {
    const init =
      initContainers.length === 0 ? '' : ` or one of the init containers: [${names(initContainers)}]`;
    throw badRequest(
      `a container name must be specified for pod ${metadata.name}, choose one of: [${names(containers)}]${init}`,
    );
  }
  const isKnown = [...initContainers, ...containers].some(({ name }) => name === wanted);
  if (!isKnown) throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  return wanted;
}

/**
 * Whether a pod has a node, and therefore a log.
 * @throws StatusError unless the container has started, on a node whose kubelet answers
 */
export function hasLog(store: ObjectStore, { metadata, spec, status }: Pod, container: string): boolean {
  const node = store.get<Node>('Node', spec.nodeName ?? '');
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const found = statuses.find(({ name }) => name === container);
  const waiting = found?.state.waiting;
  if (node === undefined) return false;
  if (!isNodeReady(node)) {
    const url = `https://${node.metadata.name}:10250/containerLogs/${metadata.namespace}/${metadata.name}/${container}`;
    throw new StatusError(500, '', `Get "${url}": dial tcp: connect: connection refused`);
  }
  if (found === undefined || (waiting !== undefined && !found.lastState?.terminated)) {
    const reason = waiting?.reason ?? 'ContainerCreating';
    throw badRequest(
      `container "${container}" in pod "${metadata.name}" is waiting to start: ${sentences[reason] ?? reason}`,
    );
  }
  return true;
}

/** The kubelet describes a failed pull instead of the reason. */
const sentences: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
};
