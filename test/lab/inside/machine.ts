import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { addresses } from '../names.ts';
import type { ClusterNames } from '../names.ts';
import { machineFolder, machinePidFile } from '../paths.ts';
import { childOf, run } from '../process.ts';
import { isCrio } from '../versions.ts';
import { crioFolders } from './crio.ts';
import { useResolver } from './isolate.ts';
import type { ServiceOptions } from './service.ts';

/** The folders of a node's programs. Each node has them on its own real file system. */
const ownFolders = [
  ...['/etc/containerd', '/etc/kubernetes'],
  ...['/var/lib/cni', '/var/lib/containerd', '/var/lib/kubelet'],
  ...(isCrio ? crioFolders : []),
];

/**
 * A cluster's machine: namespaces for processes, mounts and the network, with a virtual cable to the lab's. Its
 * only route leads to AWS.
 */
export class Machine {
  readonly #holder: ChildProcess;
  readonly #pid: number;
  readonly #cluster: ClusterNames;
  readonly #log: string;

  private constructor(holder: ChildProcess, pid: number, cluster: ClusterNames, log: string) {
    this.#holder = holder;
    this.#pid = pid;
    this.#cluster = cluster;
    this.#log = log;
  }

  static async start(cluster: ClusterNames, log: string): Promise<Machine> {
    const folder = machineFolder(cluster);
    for (const path of ownFolders) {
      await mkdir(join(folder, path), { recursive: true });
      await mkdir(path, { recursive: true });
    }
    const resolver = join(folder, 'resolv.conf');
    await useResolver(resolver, cluster.router);
    const script = [
      ...ownFolders.map((path) => `mount --bind ${join(folder, path)} ${path}`),
      'mount -t tmpfs -o mode=755 tmpfs /run',
      `mount --bind ${resolver} /etc/resolv.conf`,
      // The kubelet and the runtime share mounts with each other and with containers.
      'mount --make-rshared /',
      'ip link set lo up',
      'iptables -P FORWARD ACCEPT',
      'echo 1 > /proc/sys/net/ipv4/ip_forward',
      'echo made',
      'exec sleep infinity',
    ];
    const namespaces = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
    // The process that reaps orphans ends last.
    const first = ['tini', '--', 'sh', '-ec', script.join('\n')];
    const holder = spawn('unshare', ['--kill-child=SIGKILL', ...namespaces, ...first], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(holder, 'exit').then(() =>
      Promise.reject(new Error(`the machine of the ${cluster.name} cluster ended while starting`)),
    );
    await Promise.race([once(holder.stdout, 'data'), ended]);
    ended.catch(() => undefined);
    const pid = await childOf(holder.pid ?? 0);
    await writeFile(machinePidFile(cluster), String(pid));
    const machine = new Machine(holder, pid, cluster, log);
    await machine.#plugIn();
    return machine;
  }

  /** The same service, but on this machine. */
  hosted(service: ServiceOptions): ServiceOptions {
    const enter = ['--mount', '--net', '--pid', `--target=${this.#pid}`] as const;
    return {
      ...service,
      command: ['nsenter', ...enter, ...service.command],
      // A process namespace is entered by a child process.
      worker: childOf,
    };
  }

  /** Adds a route to an address outside of this network. */
  connect(address: string): Promise<void> {
    return this.#ip('route', 'add', address, 'via', this.#cluster.router);
  }

  disconnect(address: string): Promise<void> {
    return this.#ip('route', 'del', address);
  }

  /** Switches the machine off, with everything that runs on it. */
  async stop(): Promise<void> {
    const ended = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await ended;
    // The kernel removes the cable with the network of the ended processes, but only in its own time.
    await run('ip', ['link', 'delete', this.#cluster.name], { log: this.#log }).catch(() => undefined);
  }

  async #plugIn(): Promise<void> {
    const { name, address, router, podSubnet } = this.#cluster;
    const ip = (...args: string[]) => run('ip', args, { log: this.#log });
    await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(this.#pid));
    await ip('address', 'add', `${router}/24`, 'dev', name);
    await ip('link', 'set', name, 'up');
    await this.#ip('address', 'add', `${address}/24`, 'dev', 'eth0');
    await this.#ip('link', 'set', 'eth0', 'up');
    await this.connect(addresses.aws);
    await ip('route', 'add', podSubnet, 'via', address);
  }

  /** Configures the machine's own network. */
  #ip(...args: readonly string[]): Promise<void> {
    return run('nsenter', ['--net', `--target=${this.#pid}`, 'ip', ...args], { log: this.#log });
  }
}
