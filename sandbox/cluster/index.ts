import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SandboxClock } from '../clock.ts';
import type { Faults } from '../faults.ts';
import type { AwsForCluster, ImageSource } from '../ports.ts';
import { Operator, operatorProbe, operatorWebhook } from '../operator/index.ts';
import { Admission } from './admission.ts';
import { ControlPlane } from './control-plane.ts';
import { fillDefaults } from './defaults.ts';
import { establishDefinitions, fillNamespaces, publishEndpoints } from './housekeeping.ts';
import { Kubelet } from './kubelet.ts';
import { Loop } from './reconcile-loop.ts';
import type { Draft, KubeObject } from './objects.ts';
import { Operations } from './operations.ts';
import { countQuotas } from './quotas.ts';
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
  /** The served version of MutatingAdmissionPolicy; absent if the cluster does not serve it. */
  readonly admissionPolicies?: 'v1' | 'v1beta1';
  /** Milliseconds until objects without an owner are collected; by default 0, which collects them at once. */
  readonly collectionLag?: number;
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
  get(kind: string, name: string, namespace?: string): KubeObject | undefined;
  list(kind: string, namespace?: string): KubeObject[];
  /** Creates or replaces an object directly in the store, without authorization and admission. */
  put(object: Draft): KubeObject;
  delete(kind: string, name: string, namespace?: string): void;
  /** Saves every object. @returns a function that restores all of them, and deletes the others */
  save(): () => void;
  /** Resolves when the controllers have finished all work except work that keeps failing. */
  settled(): Promise<void>;
  /** Stops the controllers. */
  close(): void;
}

export function createCluster(options: ClusterOptions): Cluster {
  const { clock, faults, version = 'v1.36.3', nodes = [{ name: 'node-1', architecture: 'amd64' }] } = options;
  const store = new ObjectStore(clock, builtinResources(options.admissionPolicies), options.collectionLag);
  const admission = new Admission(store, operatorWebhook(store));
  const server = new ApiServer(store, new Operations(store, admission), faults, version);
  const plane = new ControlPlane(store, clock, admission);
  const kubelet = new Kubelet(plane, options.images, operatorProbe(store));
  const operator = new Operator(plane, options.aws);

  const loop = new Loop(async (retry) => {
    establishDefinitions(plane);
    const waiting = fillNamespaces(plane);
    runWorkloads(plane);
    const pulling = await kubelet.run(retry);
    publishEndpoints(plane);
    countQuotas(store);
    const failing = await operator.run(retry);
    const collecting = store.collectGarbage();
    return waiting || pulling || failing || collecting;
  });
  const stopWatching = store.onChange(({ kind }) => {
    if (kind !== 'Event' && kind !== 'Lease') loop.wake(kind === 'Secret');
  });
  const stopClock = clock.onAdvance(() => loop.wake(true));
  for (const object of startContent(nodes, version)) {
    fillDefaults(object);
    store.put(object);
  }

  return {
    handler: (req, res) => void server.handle(req, res),
    kubeconfig: (serverUrl, caPem, user = 'kubernetes-admin', proxyUrl) => {
      const groups = user === 'kubernetes-admin' ? ['kubeadm:cluster-admins'] : [];
      return kubeconfig({ server: serverUrl, caPem, proxyUrl, user, token: server.issueToken(user, groups) });
    },
    revokeTokens: (user) => server.revokeTokens(user),
    get: (kind, name, namespace) => store.get(kind, name, namespace),
    list: (kind, namespace) => store.list(kind, namespace),
    put: (object) => store.put(object),
    delete: (kind, name, namespace) => void store.delete(kind, name, namespace),
    save: () => {
      const restore = store.save();
      return () => {
        restore();
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
