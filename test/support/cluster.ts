import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { createCluster } from '../../src/clients/kubernetes/index.ts';
import type { ClusterPort } from '../../src/clients/kubernetes/port.ts';
import { createNet } from '../../src/clients/net/index.ts';
import { CertificateAuthority } from '../../sandbox/certificates.ts';
import {
  type Cluster,
  type ClusterOptions,
  createCluster as createSandboxCluster,
} from '../../sandbox/cluster/index.ts';
import { type Sandbox, startSandbox } from '../../sandbox/index.ts';
import { fastClock } from './fast-clock.ts';

export interface TestCluster {
  readonly sandbox: Sandbox;
  /** The sandbox's cluster, to read and change without the API. */
  readonly inside: Cluster;
  readonly url: string;
  readonly kubeconfig: string;
  /** The product's own adapter, connected as an administrator. */
  readonly port: ClusterPort;
  /** The clock that the product uses. */
  readonly clock: Clock;
  /** Connects as another user. */
  as(user: string): Promise<ClusterPort>;
  /** Writes a kubeconfig. @returns its path */
  kubeconfigFile(content: string): Promise<string>;
  close(): Promise<void>;
}

const authority = new CertificateAuthority();

/** Starts a sandbox with its cluster on a loopback server, and connects the product's adapter to it. */
export async function startTestCluster(
  options: Partial<ClusterOptions> = {},
  { fast = false } = {},
): Promise<TestCluster> {
  const sandbox = await startSandbox();
  const productClock = fast ? fastClock(sandbox.clock) : systemClock;
  const { clock, faults, awsForCluster, images } = sandbox;
  const inside = createSandboxCluster({ clock, faults, aws: awsForCluster, images, ...options });
  const key = { cert: authority.issue('localhost'), key: authority.serverKeyPem };
  const server = createServer(key, (req, res) => inside.handler(req, res));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;
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
  const kubeconfig = await kubeconfigFile(inside.kubeconfig(url, authority.caPem));
  return {
    sandbox,
    inside,
    url,
    kubeconfig,
    port: connect(kubeconfig),
    clock: productClock,
    as: async (user) => connect(await kubeconfigFile(inside.kubeconfig(url, authority.caPem, user))),
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
