import type { KubeObject } from '../clients/kubernetes/port.ts';
import { isLinux } from '../cluster/nodes.ts';

/** What a node's container runtime needs before it uses the mirrors. */
export interface RuntimeAdvice {
  /** Lines of configuration. Comments among them name the files, and what to change in them. */
  readonly lines: readonly string[];
  /** The command that applies the configuration. */
  readonly restart: string;
}

/** The registry and the upstream hosts whose images nodes pull from it. */
export interface NodeMirrors {
  /** The host of ECR. */
  readonly host: string;
  readonly project: string;
  readonly hosts: readonly string[];
}

/**
 * What to configure on a node that does not use the mirrors. `manifests/node-join.sh` prints the same lines.
 * @param containerRuntimeVersion from the status of the node, for example `containerd://1.7.27`
 * @returns undefined for runtimes other than containerd and CRI-O
 */
export function runtimeAdvice(
  containerRuntimeVersion: string,
  mirrors: NodeMirrors,
): RuntimeAdvice | undefined {
  const [, runtime, major, minor] = /^([a-z-]+):\/\/v?(\d+)\.(\d+)/.exec(containerRuntimeVersion) ?? [];
  if (runtime === 'cri-o') return { lines: crioLines(mirrors), restart: 'systemctl restart crio' };
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
  /** The setting that the runtime needs to use them. Undefined if its default is enough. */
  readonly setting?: string;
}

/** The container runtimes of the nodes that run Linux, sorted by version. */
export function runtimeVersions(nodes: readonly KubeObject[]): readonly RuntimeVersion[] {
  const named = new Map<string, string[]>();
  for (const node of nodes.filter(isLinux)) {
    const { nodeInfo } = (node['status'] ?? {}) as {
      readonly nodeInfo?: { readonly containerRuntimeVersion?: string };
    };
    const version = nodeInfo?.containerRuntimeVersion ?? 'unknown';
    named.set(version, [...(named.get(version) ?? []), node.metadata.name]);
  }
  return [...named]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([version, names]) => ({ version, nodes: names, ...supportOf(version) }));
}

function supportOf(version: string): Pick<RuntimeVersion, 'isSupported' | 'setting'> {
  const [, runtime, major, minor] = /^([a-z-]+):\/\/v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (runtime === 'cri-o') return { isSupported: true, setting: 'registries.conf.d' };
  if (runtime !== 'containerd' || isTooOld(Number(major), Number(minor))) return { isSupported: false };
  // From 2.2 on, the default of containerd names the folder of the files.
  const hasDefault = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 2);
  return { isSupported: true, ...(hasDefault ? {} : { setting: 'config_path' }) };
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

/**
 * CRI-O has no credentials per mirror in its configuration, only a file. `location` replaces the host, so that nothing
 * is pulled from there; a `registry.mirror` would fall back to it.
 */
const crioLines = ({ host: registryHost, project, hosts }: NodeMirrors): readonly string[] => [
  '# /etc/containers/registries.conf.d/50-ecr-bootstrap.conf',
  ...hosts.flatMap((host) => [
    '[[registry]]',
    `prefix = "${host}"`,
    `location = "${registryHost}/${project}/${host}"`,
  ]),
  '# /etc/crio/crio.conf.d/50-ecr-bootstrap.conf',
  '[crio.image]',
  'global_auth_file = "/etc/crio/ecr-auth.json"',
  'auto_reload_registries = true',
  '# /etc/crio/ecr-auth.json, mode 0600. LOGIN is the base64 form of AWS:TOKEN. A token expires after 12 hours',
  '# and ecr-bootstrap does not renew this file, so write it at least every 11 hours, for example by a timer.',
  `{"auths": {"${registryHost}": {"auth": "LOGIN"}}}`,
];
