import type { KubeObject } from '../clients/kubernetes/port.ts';
import { isLinux, runtimeOf } from './nodes.ts';

interface NodeStatus {
  readonly images?: readonly { readonly names?: readonly string[] | null }[];
}

/** With a tag: the kubelet reports each image with its tags and with its digest. */
const pauseName = /(?:^|\/)pause:[^/@]+$/;

/**
 * The default image of pod sandboxes, by version: `DefaultSandboxImage` in the source of containerd, before 2.0
 * `sandbox_image` in the same file; `DefaultPauseImage` in that of CRI-O.
 */
const defaults: readonly (readonly [version: RegExp, image: string])[] = [
  [/^containerd:\/\/v?1\.6\./, 'registry.k8s.io/pause:3.6'],
  [/^containerd:\/\/v?1\.7\./, 'registry.k8s.io/pause:3.8'],
  [/^containerd:\/\/v?2\.[01]\./, 'registry.k8s.io/pause:3.10'],
  [/^containerd:\/\//, 'registry.k8s.io/pause:3.10.1'],
  [/^cri-o:\/\/v?1\.(?:2\d|30)\./, 'registry.k8s.io/pause:3.9'],
  [/^cri-o:\/\/v?1\.3[1-3]\./, 'registry.k8s.io/pause:3.10'],
  [/^cri-o:\/\//, 'registry.k8s.io/pause:3.10.1'],
];

/**
 * The images that a Linux node may use for pod sandboxes. The kubelet reports its 50 largest images, so on a node
 * with more images, pause is missing, and the default of the runtime is assumed.
 */
export function pauseImagesOf(node: KubeObject): readonly string[] {
  if (!isLinux(node)) return [];
  const { images = [] } = (node['status'] ?? {}) as NodeStatus;
  const reported = images.flatMap(({ names }) => names ?? []).filter((name) => pauseName.test(name));
  if (reported.length > 0) return [...new Set(reported)].sort();
  const assumed = defaults.find(([version]) => version.test(runtimeOf(node)))?.[1];
  return assumed === undefined ? [] : [assumed];
}
