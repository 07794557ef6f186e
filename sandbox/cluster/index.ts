import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SandboxClock } from '../clock.ts';
import type { Faults } from '../faults.ts';
import type { AwsForCluster, ImageSource } from '../ports.ts';
import { otherOperator, otherOperatorImage } from '../manifest/other-operator.ts';
import { Operator, operatorProbe, operatorWebhook } from '../operator/index.ts';
import { Admission } from './admission.ts';
import { ControlPlane } from './control-plane.ts';
import { fillDefaults } from './defaults.ts';
import { establishDefinitions, fillNamespaces, publishEndpoints } from './housekeeping.ts';
import { describeImage } from './container-runtime.ts';
import { runDaemonSets } from './daemon-sets.ts';
import { Kubelet } from './kubelet.ts';
import { Machines } from './machines.ts';
import { watchNodes } from './node-lifecycle.ts';
import type { Node, NodeMachine } from './node-machine.ts';
import { Loop } from './reconcile-loop.ts';
import type { Draft, KubeObject } from './objects.ts';
import { Operations } from './operations.ts';
import type { Pod } from './pods.ts';
import { countQuotas } from './quotas.ts';
import { parseReference } from './references.ts';
import { builtinResources } from './resources.ts';
import { type NodeOptions, startContent } from './seed.ts';
import { ApiServer } from './server.ts';
import { ObjectStore } from './store.ts';
import { runWorkloads } from './workloads.ts';

export type { Draft, KubeObject } from './objects.ts';

export interface ClusterOptions {
  readonly clock: SandboxClock;
  readonly faults: Faults;
  readonly aws: AwsForCluster;
  readonly images: ImageSource;
  /** As in `/version`; by default v1.36.3. */
  readonly version?: string;
  /** The served version of MutatingAdmissionPolicy; undefined if the cluster does not serve it. */
  readonly admissionPolicies?: 'v1' | 'v1beta1' | undefined;
  /** Milliseconds until objects without an owner are collected; by default 0, which collects them at once. */
  readonly collectionLag?: number;
  /** Whether others have installed an operator that serves v1 only, with its image on every node. */
  readonly otherOperator?: boolean;
  /** By default one amd64 node. */
  readonly nodes?: readonly NodeOptions[];
}

/** A small kubeadm cluster in this process. */
export interface Cluster {
  /** The Kubernetes API, for any HTTP server. */
  handler(req: IncomingMessage, res: ServerResponse): void;
  /**
   * A kubeconfig (JSON, which is YAML) with a random bearer token.
   * @param user `kubernetes-admin` has all permissions; other users have those of the roles in the store
   * @param proxyUrl for clients without HTTPS_PROXY
   */
  kubeconfig(serverUrl: string, caPem?: string, user?: string, proxyUrl?: string): string;
  /** Revokes every token of the user, as if the credentials in the kubeconfig had expired. */
  revokeTokens(user: string): void;
  /** A node below the API. @throws Error when the cluster has no such node */
  machine(node: string): NodeMachine;
  get(kind: string, name: string, namespace?: string): KubeObject | undefined;
  list(kind: string, namespace?: string): KubeObject[];
  /** Creates or replaces an object directly in the store, without authorization and admission. */
  put(object: Draft): KubeObject;
  delete(kind: string, name: string, namespace?: string): void;
  /** Saves every object and node. @returns a function that restores all of them, and deletes other objects */
  save(): () => void;
  /** Resolves when the controllers have finished all work except work that keeps failing. */
  settled(): Promise<void>;
  /** Stops the controllers. */
  close(): void;
}

export function createCluster(options: ClusterOptions): Cluster {
  const { clock, faults, version = 'v1.36.3', nodes = [{ name: 'node-1', architecture: 'amd64' }] } = options;
  const store = new ObjectStore(
    clock,
    builtinResources(version, options.admissionPolicies),
    options.collectionLag,
  );
  const admission = new Admission(store, operatorWebhook(store));
  const plane = new ControlPlane(store, clock, admission);
  const machines = new Machines(() => loop.wake(true));
  const machineOf = (node: Node) => machines.of(node);
  const kubelet = new Kubelet(plane, options.images, operatorProbe(store), machineOf);
  const logOf = kubelet.logOf.bind(kubelet);
  const server = new ApiServer(store, new Operations(store, admission, logOf), faults, version);
  const operator = new Operator(plane, options.aws);

  const loop = new Loop(async (retry) => {
    establishDefinitions(plane);
    const waiting = fillNamespaces(plane);
    watchNodes(plane);
    runWorkloads(plane);
    runDaemonSets(plane);
    const pulling = await kubelet.run(retry);
    publishEndpoints(plane);
    countQuotas(store);
    const failing = await operator.run(retry);
    const collecting = store.collectGarbage();
    return waiting || pulling || failing || collecting;
  });
  const machine = (name: string): NodeMachine => {
    const node = store.get<Node>('Node', name);
    if (node === undefined) throw new Error(`the cluster has no node ${name}`);
    return machines.of(node);
  };
  const stopWatching = store.onChange(({ kind }) => {
    if (kind !== 'Event' && kind !== 'Lease') loop.wake(kind === 'Secret');
  });
  const stopClock = clock.onAdvance(() => loop.wake(true));
  for (const object of startContent(nodes, version, (image) => describeImage(options.images, image))) {
    fillDefaults(object);
    store.put(object);
  }
  for (const { name, readsMirrors } of nodes) machine(name).readsMirrors = readsMirrors;
  if (options.otherOperator === true) {
    const image = { reference: parseReference(otherOperatorImage), digest: '', sizeBytes: 1 };
    for (const { name } of nodes) machine(name).addImage({ ...image, open: true, secrets: new Set() });
    for (const object of otherOperator()) {
      fillDefaults(object as Draft);
      store.put(object as Draft);
    }
  }
  for (const pod of store.list<Pod>('Pod')) machine(pod.spec.nodeName ?? '').addStaticPod(pod);

  return {
    handler: (req, res) => void server.handle(req, res),
    kubeconfig: (serverUrl, caPem, user = 'kubernetes-admin', proxyUrl) => {
      const groups = user === 'kubernetes-admin' ? ['kubeadm:cluster-admins'] : [];
      return kubeconfig({ server: serverUrl, caPem, proxyUrl, user, token: server.issueToken(user, groups) });
    },
    revokeTokens: (user) => server.revokeTokens(user),
    machine,
    get: (kind, name, namespace) => store.get(kind, name, namespace),
    list: (kind, namespace) => store.list(kind, namespace),
    put: (object) => store.put(object),
    delete: (kind, name, namespace) => void store.delete(kind, name, namespace),
    save: () => {
      const restores = [store.save(), machines.save()];
      return () => {
        for (const restore of restores) restore();
        loop.wake(true);
      };
    },
    settled: () => loop.settled(),
    close: () => {
      stopWatching();
      stopClock();
      loop.close();
    },
  };
}

interface Access {
  readonly server: string;
  readonly caPem: string | undefined;
  readonly proxyUrl: string | undefined;
  readonly user: string;
  readonly token: string;
}

function kubeconfig({ server, caPem, proxyUrl, user, token }: Access): string {
  const cluster = {
    server,
    ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
    ...(proxyUrl === undefined ? {} : { 'proxy-url': proxyUrl }),
  };
  const context = `${user}@sandbox`;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sandbox', cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: context, context: { cluster: 'sandbox', user } }],
    'current-context': context,
  });
}
