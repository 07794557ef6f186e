import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { pauseImage, writePauseImage } from '../images/catalog.ts';
import { addresses, awsNames, matches } from '../names.ts';
import type { ClusterNames } from '../names.ts';
import { clusterFolder } from '../paths.ts';
import { prepareControlPlane } from './control-plane.ts';
import { serveNames } from './dns.ts';
import { Machine } from './machine.ts';
import { prepareNode } from './node.ts';
import type { ServiceOptions, Services } from './service.ts';

/** The log files of a cluster. */
export interface ClusterLogs {
  readonly setup: string;
  readonly dns: string;
}

/** A running cluster, with a function that stops it. */
export interface RunningCluster {
  stop(): Promise<void>;
}

/**
 * Starts a new cluster and waits until its node is ready. The names of its services have its name as a prefix:
 * `first-etcd`.
 */
export async function startCluster(
  names: ClusterNames,
  services: Services,
  logs: ClusterLogs,
): Promise<RunningCluster> {
  const folder = clusterFolder(names);
  await rm(folder, { recursive: true, force: true });
  const machine = await Machine.start(names, logs.setup);
  const plane = await prepareControlPlane(names, logs.setup);
  const node = await prepareNode(names, plane, logs.setup);
  // Pods use this name server, so it also resolves the cluster's services.
  const stopNames = await serveNames(
    'vpc',
    names.router,
    async (name) => {
      const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
      if (service !== undefined && namespace !== undefined)
        return plane.api.serviceAddress(namespace, service);
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
    const archive = join(folder, 'pause.tar');
    await writePauseImage(archive, join(folder, 'pause'), logs.setup);
    await node.importImage(archive, pauseImage);
  };
  const stop = async () => {
    stopNames();
    services.forget(started);
    await machine.stop();
  };
  try {
    await Promise.all([startPlane(), startRuntime()]);
    await Promise.all([start(node.kubelet), start(node.proxy)]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}
