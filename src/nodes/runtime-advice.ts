import type { KubeObject } from '../clients/kubernetes/port.ts';
import { isLinux, runtimeOf } from '../cluster/nodes.ts';

/** What a node's container runtime needs before it uses the mirrors. */
export interface RuntimeAdvice {
  /** Lines of configuration. Comments among them name the files, and what to change in them. */
  readonly lines?: readonly string[];
  /** The command that applies the configuration. */
  readonly restart: string;
}

/**
 * What to do on a node that does not use the mirrors. `manifests/node-join.sh` prints the same lines.
 * @param containerRuntimeVersion from the status of the node, for example `containerd://1.7.27`
 * @returns undefined for runtimes other than containerd and CRI-O
 */
export function runtimeAdvice(containerRuntimeVersion: string): RuntimeAdvice | undefined {
  const [, runtime, major, minor] = /^([a-z-]+):\/\/v?(\d+)\.(\d+)/.exec(containerRuntimeVersion) ?? [];
  // The agent writes all files of CRI-O.
  if (runtime === 'cri-o') return { restart: 'systemctl restart crio' };
  if (runtime !== 'containerd') return undefined;
  return { lines: containerdLines(Number(major), Number(minor)), restart: 'systemctl restart containerd' };
}

/** A version of a container runtime, and the nodes that run it. */
export interface RuntimeVersion {
  /** As in the status of a node: `containerd://2.1.4`. */
  readonly version: string;
  readonly nodes: readonly string[];
  /** Whether the runtime can use the files on nodes. */
  readonly isSupported: boolean;
  /** What the runtime needs to use them. Undefined if its default is enough. */
  readonly needs?: string;
}

/** The container runtimes of the nodes that run Linux, sorted by version. */
export function runtimeVersions(nodes: readonly KubeObject[]): readonly RuntimeVersion[] {
  const named = new Map<string, string[]>();
  for (const node of nodes.filter(isLinux)) {
    const version = runtimeOf(node) || 'unknown';
    named.set(version, [...(named.get(version) ?? []), node.metadata.name]);
  }
  return [...named]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([version, names]) => ({ version, nodes: names, ...supportOf(version) }));
}

/** CRI-O has `auto_reload_registries` from 1.30 on. */
function supportOf(version: string): Pick<RuntimeVersion, 'isSupported' | 'needs'> {
  const [, runtime, major, minor] = /^([a-z-]+):\/\/v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (runtime === 'cri-o') return { isSupported: Number(minor) >= 30, needs: 'one restart' };
  if (runtime !== 'containerd' || isTooOld(Number(major), Number(minor))) return { isSupported: false };
  // From 2.2 on, the default of containerd names the folder of the files.
  const hasDefault = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 2);
  return { isSupported: true, ...(hasDefault ? {} : { needs: 'config_path' }) };
}

/** Without a [host] block in each file, these versions of containerd ignore it. */
const isTooOld = (major: number, minor: number): boolean => major < 1 || (major === 1 && minor < 7);

/**
 * Most nodes have the section already, and containerd does not start with two of them. The version of the file is not
 * known here.
 */
function containerdLines(major: number, minor: number): readonly string[] {
  const oldSection = '[plugins."io.containerd.grpc.v1.cri".registry]';
  const section = "[plugins.'io.containerd.cri.v1.images'.registry]";
  return [
    ...(isTooOld(major, minor)
      ? [`# containerd ${major}.${minor} does not use these files: first upgrade to 1.7 or later`]
      : []),
    '# In /etc/containerd/config.toml, set config_path in this section. If the section exists, change its line.',
    ...(major < 2
      ? ['# The file must begin with: version = 2', oldSection]
      : [`# If the file begins with version = 2, the section is: ${oldSection}`, section]),
    '  config_path = "/etc/containerd/certs.d"',
    '# If the sections registry.mirrors or registry.configs.*.tls exist, delete them.',
    '# containerd refuses them together with config_path.',
    '# Before the restart, check the file: containerd config dump',
  ];
}
