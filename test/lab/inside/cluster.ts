import { rm } from 'node:fs/promises';

import { nodeImages } from '../images/catalog.ts';
import { addresses, awsNames, internetNames, matches } from '../names.ts';
import type { ClusterNames } from '../names.ts';
import { clusterFolder } from '../paths.ts';
import { prepareControlPlane } from './control-plane.ts';
import { serveNames } from './dns.ts';
import { createKubeadmObjects } from './kubeadm.ts';
import { Machine } from './machine.ts';
import { prepareNode } from './node.ts';
import type { ContainerdVariant } from './node.ts';
import type { ServiceOptions, Services } from './service.ts';

/** The log files of a cluster. */
export interface ClusterLogs {
  readonly setup: string;
  readonly dns: string;
}

/** A running cluster. */
export interface RunningCluster {
  stop(): Promise<void>;
  /** Starts containerd again with another configuration. Containers keep running. */
  configureContainerd(variant: ContainerdVariant): Promise<void>;
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
  const machine = await Machine.start(names, logs.setup);
  const plane = await prepareControlPlane(names, logs.setup);
  const node = await prepareNode(names, plane, logs.setup);
  let connected = true;
  // Pods use this name server, so it also resolves the cluster's services.
  const stopNames = await serveNames(
    'vpc',
    names.router,
    async (name) => {
      const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
      if (service !== undefined && namespace !== undefined)
        return plane.api.serviceAddress(namespace, service);
      if (connected && matches(internetNames, name)) return addresses.internet;
      return matches(awsNames, name) ? addresses.aws : undefined;
    },
    logs.dns,
  );

  const started: string[] = [];
  const start = async (service: ServiceOptions) => {
    const name = `${names.name}-${service.name}`;
    started.push(name);
    await services.start({ ...machine.hosted(service), name });
  };
  const startPlane = async () => {
    await start(plane.etcd);
    await start(plane.apiServer);
    await Promise.all([start(plane.controllerManager), start(plane.scheduler)]);
  };
  const startRuntime = async () => {
    await start(node.containerd);
    await published;
    for (const image of Object.values(nodeImages)) await node.pull(image);
    connected = false;
    await machine.disconnect(logs.setup);
  };
  const stop = async () => {
    stopNames();
    services.forget(started);
    await machine.stop();
  };
  try {
    await Promise.all([startPlane(), startRuntime()]);
    await createKubeadmObjects(plane.api, names);
    await Promise.all([start(node.kubelet), start(node.proxy)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    stop,
    async configureContainerd(variant) {
      const containerd = services.get(`${names.name}-containerd`);
      await node.configureContainerd(variant);
      await containerd.stop();
      await containerd.start();
    },
  };
}
