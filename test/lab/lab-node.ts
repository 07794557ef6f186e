import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { waitFor } from '../scenarios/wait.ts';
import type {
  ClusterClient,
  ContainerdVariant,
  KubeObject,
  NodeShell,
  CommandResult,
} from '../scenarios/world.ts';
import { control } from './control.ts';
import { manifestFolder } from './inside/kubeadm.ts';
import type { ClusterNames } from './names.ts';
import { containerdSocket, machineFolder, machinePidFile } from './paths.ts';
import { capture } from './process.ts';
import { isCrio } from './versions.ts';

interface Pod extends KubeObject {
  readonly spec: { readonly nodeName?: string };
}

/** The folders with the configuration of the container runtime. */
const configurationFolders = ['/etc/containerd', ...(isCrio ? ['/etc/containers', '/etc/crio'] : [])];

/** Runs a command as root on a cluster's machine. */
async function runOnMachine(
  names: ClusterNames,
  command: readonly string[],
  input: string,
): Promise<CommandResult> {
  const pid = await readFile(machinePidFile(names), 'utf8');
  const child = spawn('nsenter', [`--target=${pid}`, '--mount', '--net', '--pid', '--', ...command], {
    cwd: '/',
    // The laptop's PATH contains the programs of nodes, too.
    env: { PATH: process.env['PATH'], HOME: '/root' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command need not read its input.
  child.stdin.on('error', () => undefined).end(input);
  const ended = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code: code ?? 1, stdout, stderr };
}

/** An administrator's shell on the machine of one of the lab's clusters. */
export function labNode(names: ClusterNames, cluster: ClusterClient): NodeShell {
  const onMachine = (path: string) => join(machineFolder(names), path);
  const ctr = (...args: string[]) =>
    capture('ctr', [`--address=${containerdSocket(names)}`, '--namespace=k8s.io', ...args]);
  const configureContainerd = async (variant: ContainerdVariant) => {
    await control('machine', 'POST', '/containerd', { machine: names.name, variant });
  };
  const signalAgent = async (signal: string) => {
    const labels = {
      'io.kubernetes.pod.namespace': 'ecr-bootstrap',
      'io.kubernetes.container.name': 'agent',
    };
    const filter = Object.entries(labels).map(([name, value]) => `labels."${name}"==${value}`);
    const found = (await ctr('containers', 'list', '--quiet', filter.join(','))).split('\n');
    const running = (await ctr('tasks', 'list')).split('\n').filter((line) => line.endsWith('RUNNING'));
    const agents = found.filter((id) => id !== '' && running.some((line) => line.startsWith(id)));
    if (agents.length === 0) throw new Error(`no agent runs on ${names.node}`);
    for (const id of agents) await ctr('tasks', 'kill', '--signal', signal, id);
  };

  return {
    name: names.node,
    async files() {
      const roots = configurationFolders.map(onMachine);
      const entries = await Promise.all(
        roots.map((root) => readdir(root, { recursive: true, withFileTypes: true })),
      );
      const files = entries.flat().filter((entry) => entry.isFile() || entry.isSymbolicLink());
      const read = files.map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        const content = entry.isFile() ? await readFile(path, 'utf8') : await readlink(path);
        return [path.slice(machineFolder(names).length), content] as const;
      });
      return Object.fromEntries(await Promise.all(read));
    },
    async writeFile(path, content) {
      await mkdir(dirname(onMachine(path)), { recursive: true });
      await writeFile(onMachine(path), content);
    },
    removeFile: (path) => rm(onMachine(path)),
    async removeImages() {
      // CRI-O keeps the images of its containers.
      if (isCrio) throw new Error('CRI-O cannot lose images while its containers run');
      const images = (await ctr('images', 'list', '--quiet')).split('\n').filter((image) => image !== '');
      if (images.length > 0) await ctr('images', 'remove', '--sync', ...images);
    },
    async stopStaticPods() {
      const folder = onMachine(manifestFolder);
      const aside = `${folder}.stopped`;
      const moveAll = async (from: string, to: string) => {
        await mkdir(to, { recursive: true });
        for (const name of await readdir(from)) await rename(join(from, name), join(to, name));
      };
      await moveAll(folder, aside);
      await waitFor(`no static pods on ${names.node}`, async () => {
        const pods = await cluster.list<Pod>('pods');
        const mirrors = pods.filter(
          ({ metadata, spec }) =>
            spec.nodeName === names.node &&
            metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined,
        );
        return mirrors.length === 0 || undefined;
      });
      return () => moveAll(aside, folder);
    },
    configureContainerd,
    setReadsMirrors: (yes) => configureContainerd(yes ? 'default' : 'other config_path'),
    killAgent: () => signalAgent('SIGKILL'),
    async suspendAgent() {
      await signalAgent('SIGSTOP');
      return () => signalAgent('SIGCONT');
    },
    runScript: (script, input = '') => runOnMachine(names, ['sh', '-c', script], input),
  };
}
