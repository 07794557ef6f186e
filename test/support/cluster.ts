import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/clock.ts';
import { createCluster } from '../../src/cluster/index.ts';
import type { ClusterPort } from '../../src/cluster/port.ts';
import { createNet } from '../../src/net/index.ts';
import {
  type Cluster,
  type ClusterOptions,
  createCluster as createSandboxCluster,
} from '../../src/sandbox/cluster/index.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/index.ts';
import { hurriedClock } from './hurried.ts';

export interface TestCluster {
  readonly sandbox: Sandbox;
  /** The sandbox's cluster, to look at and to change behind the API's back. */
  readonly inside: Cluster;
  readonly url: string;
  readonly kubeconfig: string;
  /** The product's own adapter, connected as an administrator. */
  readonly port: ClusterPort;
  /** Of the product. */
  readonly clock: Clock;
  /** Connected as somebody else. */
  as(user: string): Promise<ClusterPort>;
  /** Writes a kubeconfig and gives its path. */
  kubeconfigFile(content: string): Promise<string>;
  close(): Promise<void>;
}

/** The sandbox with its cluster on a plain loopback server, and the product's adapter connected to it. */
export async function startTestCluster(
  options: Partial<ClusterOptions> = {},
  { hurried = false } = {},
): Promise<TestCluster> {
  const sandbox = await startSandbox();
  const productClock = hurried ? hurriedClock(sandbox.clock) : systemClock;
  const { clock, faults, awsForCluster, images } = sandbox;
  const inside = createSandboxCluster({ clock, faults, aws: awsForCluster, images, ...options });
  const server = createServer((req, res) => inside.handler(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const directory = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  const net = createNet();
  const adapters: { close(): Promise<void> }[] = [];
  let files = 0;
  const kubeconfigFile = async (content: string): Promise<string> => {
    files += 1;
    const path = join(directory, `${files}.json`);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const connect = (kubeconfig: string): ClusterPort => {
    const adapter = createCluster({ kubeconfig, net, clock: productClock });
    adapters.push(adapter);
    return adapter;
  };
  const kubeconfig = await kubeconfigFile(inside.kubeconfig(url));
  return {
    sandbox,
    inside,
    url,
    kubeconfig,
    port: connect(kubeconfig),
    clock: productClock,
    as: async (user) => connect(await kubeconfigFile(inside.kubeconfig(url, undefined, user))),
    kubeconfigFile,
    close: async () => {
      await Promise.all(adapters.map((adapter) => adapter.close()));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      inside.close();
      await net.close();
      await sandbox.close();
      await rm(directory, { recursive: true });
    },
  };
}
