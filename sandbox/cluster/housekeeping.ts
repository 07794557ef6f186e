import type { ControlPlane } from './control-plane.ts';
import { StatusError } from './errors.ts';
import type { Draft, KubeObject } from './objects.ts';
import { isReady, type Pod } from './pods.ts';
import { matches } from './selectors.ts';
import { withCondition } from './store.ts';

/**
 * Creates the default ServiceAccount and the root CA ConfigMap of each namespace.
 * @returns whether one could not be created, for example because admission refuses ServiceAccounts
 */
export function fillNamespaces(plane: ControlPlane): boolean {
  let unfinished = false;
  for (const namespace of plane.store.list('Namespace')) {
    const { name, deletionTimestamp } = namespace.metadata;
    if (deletionTimestamp !== undefined) continue;
    if (namespace.status === undefined) plane.setStatus(namespace, { phase: 'Active' });
    const data = { 'ca.crt': 'the sandbox has no certificate of its own' };
    const due: Draft[] = [
      { kind: 'ConfigMap', metadata: { name: 'kube-root-ca.crt', namespace: name }, data },
      { kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } },
    ];
    try {
      for (const draft of due) {
        if (!plane.store.get(draft.kind, draft.metadata.name ?? '', name)) plane.write(draft);
      }
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      unfinished = true;
    }
  }
  return unfinished;
}

/** Establishes new CRDs, so that their kinds are served. */
export function establishDefinitions({ store, clock }: ControlPlane): void {
  for (const definition of store.list('CustomResourceDefinition')) {
    if (definition.status !== undefined) continue;
    const { names, versions } = definition.spec as {
      names: unknown;
      versions: { name: string; storage: boolean }[];
    };
    const accepted = { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts' } as const;
    const established = { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' } as const;
    const conditions = withCondition(withCondition([], accepted, clock.now()), established, clock.now());
    const storedVersions = versions.filter(({ storage }) => storage).map(({ name }) => name);
    store.put({ ...definition, status: { conditions, acceptedNames: names, storedVersions } });
  }
}

interface Service extends KubeObject {
  spec: {
    selector?: Record<string, string>;
    ports?: { name?: string; port: number; targetPort?: number | string }[];
  };
}

/** Updates the Endpoints and the EndpointSlice of each Service with a selector from its ready pods. */
export function publishEndpoints({ store }: ControlPlane): void {
  for (const service of store.list<Service>('Service')) {
    const { name, namespace = '' } = service.metadata;
    const { selector, ports = [] } = service.spec;
    if (selector === undefined) continue;
    const pods = store
      .list<Pod>('Pod', namespace)
      .filter((pod) => matches({ matchLabels: selector }, pod.metadata.labels));
    const ready = pods.filter(isReady).map(({ metadata, status }) => ({
      ip: status?.podIP,
      targetRef: { kind: 'Pod', name: metadata.name, namespace, uid: metadata.uid },
    }));
    const reached = ports.map(({ name: port, port: number, targetPort = number }) => ({
      name: port,
      port: targetPort,
    }));
    store.put({
      kind: 'Endpoints',
      metadata: { name, namespace },
      ...(ready.length > 0 && { subsets: [{ addresses: ready, ports: reached }] }),
    });
    store.put({
      kind: 'EndpointSlice',
      metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: ready.map(({ ip, targetRef }) => ({
        addresses: [ip],
        conditions: { ready: true },
        targetRef,
      })),
      ports: reached,
    });
  }
}
