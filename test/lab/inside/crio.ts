import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { partFolder } from '../build/part.ts';
import { crictl, crio } from '../build/parts.ts';
import { nodeImages } from '../images/catalog.ts';
import type { ClusterNames } from '../names.ts';
import { machineFolder, machinePidFile } from '../paths.ts';
import { capture } from '../process.ts';
import type { ServiceOptions } from './service.ts';

/** CRI-O's default, on a machine. */
export const crioSocket = '/run/crio/crio.sock';

/** CRI-O's defaults, except what the lab's namespaces need. They decide how images are pulled. */
const config = (networks: string) => `[crio]
  storage_driver = "overlay"

[crio.image]
  pause_image = "${nodeImages.pause}"

[crio.runtime]
  cgroup_manager = "cgroupfs"
  conmon_cgroup = "pod"
  default_runtime = "runc"
  pinns_path = "${join(partFolder(crio), 'pinns')}"

[crio.runtime.runtimes.runc]
  runtime_path = "${join(partFolder(crio), 'runc')}"
  monitor_path = "/usr/bin/conmon"

[crio.network]
  network_dir = "${networks}"
  plugin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
`;

/** The folders of CRI-O on a machine. */
export const crioFolders = [
  ...['/etc/containers', '/etc/crio'],
  ...['/var/lib/containers', '/var/lib/crio', '/var/log/crio'],
];

/**
 * Writes the configuration of CRI-O on a machine. Without the search list, CRI-O refuses short names such as nginx, which
 * workloads of scenarios have.
 */
export async function configureCrio(machine: ClusterNames, networks: string): Promise<void> {
  const files = {
    '/etc/crio/crio.conf.d/10-crio.conf': config(networks),
    '/etc/containers/registries.conf.d/00-search.conf': 'unqualified-search-registries = ["docker.io"]\n',
    '/etc/containers/policy.json': JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }),
  };
  for (const [path, content] of Object.entries(files)) {
    const file = join(machineFolder(machine), path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
}

export const crioService = (machine: ClusterNames): ServiceOptions => ({
  name: 'crio',
  command: [join(partFolder(crio), 'crio')],
  ready: async () => (await crictlOn(machine, 'version')) !== '',
});

/** Runs crictl for a machine, whose socket only its own namespaces have at the usual path. */
export async function crictlOn(machine: ClusterNames, ...args: readonly string[]): Promise<string> {
  const pid = await readFile(machinePidFile(machine), 'utf8');
  const endpoint = `unix:///proc/${pid}/root${crioSocket}`;
  return capture(join(partFolder(crictl), 'crictl'), [
    ...['--config=/dev/null', `--runtime-endpoint=${endpoint}`, `--image-endpoint=${endpoint}`],
    ...['--timeout=60s', ...args],
  ]);
}

/** Whether a container of each of these names runs on a machine. */
export async function runsOnCrio(machine: ClusterNames, containers: readonly string[]): Promise<boolean> {
  const { containers: running } = JSON.parse(
    await crictlOn(machine, 'ps', '--state=running', '--output=json'),
  ) as { containers: readonly { readonly metadata: { readonly name: string } }[] };
  return containers.every((name) => running.some(({ metadata }) => metadata.name === name));
}
