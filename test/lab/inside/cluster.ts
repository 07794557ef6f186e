import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ContainerdVariant } from '../../scenarios/world.ts';
import { partFolder } from '../build/part.ts';
import { kubernetes, manifestFile, otherOperator } from '../build/parts.ts';
import { nodeImages, otherOperatorImage } from '../images/catalog.ts';
import { addresses, awsNames, clusters, internetNames, joiningMachine, matches } from '../names.ts';
import type { ClusterNames } from '../names.ts';
import { clusterFolder, kubeconfigOf } from '../paths.ts';
import { run, say } from '../process.ts';
import { isCrio } from '../versions.ts';
import type { KubernetesApi } from './api.ts';
import { prepareControlPlane } from './control-plane.ts';
import type { ControlPlane } from './control-plane.ts';
import { serveNames } from './dns.ts';
import { createKubeadmObjects, staticPods } from './kubeadm.ts';
import { Machine } from './machine.ts';
import { prepareNode } from './node.ts';
import type { ServiceOptions, Services } from './service.ts';

/** The log files of a cluster. */
export interface ClusterLogs {
  readonly setup: string;
  readonly dns: string;
}

/** A machine with a container runtime. */
export interface RunningMachine {
  stop(): Promise<void>;
  /** Starts containerd again with another configuration. Containers keep running. */
  configureContainerd(variant: ContainerdVariant): Promise<void>;
}

/** A running cluster. */
export interface RunningCluster extends RunningMachine {
  readonly plane: ControlPlane;
  /** Adds a route to another machine. */
  connect(address: string): Promise<void>;
  disconnect(address: string): Promise<void>;
  switchOff(): Promise<void>;
  /**
   * Boots the machine with what is on its disk: containerd and the kubelet. The control plane follows when its static
   * pods run.
   */
  switchOn(): Promise<void>;
}

/** A machine that is not yet a node. */
export interface JoiningMachine extends RunningMachine {
  /** Starts the kubelet, as `kubeadm join` does. */
  join(): Promise<void>;
}

/**
 * Starts a new cluster and waits until its node is ready. The names of its services have its name as a prefix:
 * `first-etcd`.
 * @param published ends when the registries on the internet serve the node's images
 */
export async function startCluster(
  names: ClusterNames,
  services: Services,
  logs: ClusterLogs,
  published: Promise<void>,
): Promise<RunningCluster> {
  await rm(clusterFolder(names), { recursive: true, force: true });
  const boot = () => Machine.start(names, logs.setup);
  let machine = await boot();
  const plane = await prepareControlPlane(names, logs.setup);
  const node = await prepareNode(names, names, logs.setup);
  await node.writeStaticPods(staticPods);
  let connected = true;
  const lookup = async (name: string) => {
    if (connected && matches(internetNames, name)) return addresses.internet;
    return inNetwork(plane.api, name);
  };
  const stopNames = await serveNames('vpc', names.router, lookup, logs.dns);

  const started = new Set<string>();
  const start = async (service: ServiceOptions) => {
    const name = `${names.name}-${service.name}`;
    started.add(name);
    await services.start({ ...machine.hosted(service), name });
  };
  const startPlane = async () => {
    await start(plane.etcd);
    await start(plane.apiServer);
    await Promise.all([start(plane.controllerManager), start(plane.scheduler)]);
  };
  const startKubelet = async () => {
    const ready = () => plane.api.nodeIsReady(names.node);
    await Promise.all([start({ ...node.kubelet, ready }), start(node.proxy)]);
  };
  const startRuntime = async () => {
    await start(node.runtime);
    await published;
    await machine.connect(addresses.internet);
    const others = otherOperatorImage === undefined ? [] : [otherOperatorImage];
    for (const image of [...Object.values(nodeImages), ...others]) await node.pull(image);
    connected = false;
    await machine.disconnect(addresses.internet);
  };
  const switchOff = async () => {
    services.forget([...started]);
    await machine.stop();
  };
  const stop = async () => {
    stopNames();
    await switchOff();
  };
  try {
    await Promise.all([startPlane(), startRuntime()]);
    await createKubeadmObjects(plane.api, names);
    await startKubelet();
    await installOtherOperator(names, logs.setup);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    plane,
    stop,
    connect: (address) => machine.connect(address),
    disconnect: (address) => machine.disconnect(address),
    switchOff,
    async switchOn() {
      machine = await boot();
      await start(node.runtime);
      await start(node.kubelet);
      const startRest = async () => {
        const components = Object.keys(staticPods).map((file) => file.replace('.yaml', ''));
        while (!(await node.runs(components))) await sleep(500);
        await startPlane();
        await start(node.proxy);
      };
      startRest().catch((error: unknown) => say(`The control plane did not start: ${String(error)}`));
    },
    configureContainerd: (variant) => reconfigure(services, names, node.configureContainerd(variant)),
  };
}

/** Installs an operator in the same way as users without Helm, if one was selected. */
async function installOtherOperator(names: ClusterNames, log: string): Promise<void> {
  if (otherOperator === undefined) return;
  const manifest = join(partFolder(otherOperator.manifest), manifestFile);
  const kubectl = (...args: readonly string[]) =>
    run(join(partFolder(kubernetes), 'kubectl'), [`--kubeconfig=${kubeconfigOf(names, 'admin')}`, ...args], {
      log,
    });
  await kubectl('create', 'namespace', 'external-secrets');
  await kubectl('apply', '--server-side', `--filename=${manifest}`);
  await kubectl(
    ...['--namespace=external-secrets', 'wait', '--for=condition=Available', '--timeout=120s'],
    ...['deployment', '--all'],
  );
}

/** Starts a machine that can join the first cluster. It has a container runtime, but no images. */
export async function startJoiningMachine(
  { plane, connect, disconnect }: RunningCluster,
  services: Services,
  logs: ClusterLogs,
): Promise<JoiningMachine> {
  const names = joiningMachine;
  await rm(clusterFolder(names), { recursive: true, force: true });
  const machine = await Machine.start(names, logs.setup);
  const node = await prepareNode(names, clusters.first, logs.setup);
  const stopNames = await serveNames('vpc', names.router, (name) => inNetwork(plane.api, name), logs.dns);
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
  await machine.connect(clusters.first.address);
  await connect(names.address);
  const started = new Set<string>();
  const start = async (service: ServiceOptions) => {
    const name = `${names.name}-${service.name}`;
    started.add(name);
    await services.start({ ...machine.hosted(service), name });
  };
  const stop = async () => {
    stopNames();
    services.forget([...started]);
    await machine.stop();
    await disconnect(names.address);
  };
  try {
    await start(node.runtime);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    async join() {
      await start(node.kubelet);
      await start(node.proxy);
    },
    configureContainerd: (variant) => reconfigure(services, names, node.configureContainerd(variant)),
  };
}

/** Resolves a name in the air-gapped network. Pods use these name servers too, so they know the cluster's services. */
async function inNetwork(api: KubernetesApi, name: string): Promise<string | undefined> {
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
  if (service !== undefined && namespace !== undefined) return api.serviceAddress(namespace, service);
  return matches(awsNames, name) ? addresses.aws : undefined;
}

async function reconfigure(
  services: Services,
  { name }: ClusterNames,
  written: Promise<void>,
): Promise<void> {
  await written;
  if (isCrio) return;
  const containerd = services.get(`${name}-containerd`);
  await containerd.stop();
  await containerd.start();
}
