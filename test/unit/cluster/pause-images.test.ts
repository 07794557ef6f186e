import { describe, expect, it } from 'vitest';
import { pauseImagesOf } from '../../../src/cluster/pause-images.ts';

const node = (containerRuntimeVersion: string, names: readonly string[], operatingSystem = 'linux') => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1' },
  status: { nodeInfo: { operatingSystem, containerRuntimeVersion }, images: [{ names }] },
});

describe('the pause images of a node', () => {
  it('are those that the kubelet reports, with their tags', () => {
    const names = [`registry.k8s.io/pause@sha256:${'a'.repeat(64)}`, 'registry.k8s.io/pause:3.10.1'];
    expect(pauseImagesOf(node('containerd://2.2.9', names))).toEqual(['registry.k8s.io/pause:3.10.1']);
  });

  it('include one of another registry', () => {
    const found = pauseImagesOf(
      node('containerd://1.7.27', ['mirror.example/k8s/pause:3.9', 'docker.io/a/pauser:1']),
    );
    expect(found).toEqual(['mirror.example/k8s/pause:3.9']);
  });

  it.each([
    ['containerd://1.7.27', ['registry.k8s.io/pause:3.8']],
    ['containerd://2.0.5', ['registry.k8s.io/pause:3.10']],
    ['containerd://2.1.4', ['registry.k8s.io/pause:3.10']],
    ['containerd://2.2.9', ['registry.k8s.io/pause:3.10.1']],
    ['containerd://2.10.0', ['registry.k8s.io/pause:3.10.1']],
    ['cri-o://1.30.2', ['registry.k8s.io/pause:3.9']],
    ['cri-o://1.33.0', ['registry.k8s.io/pause:3.10']],
    ['cri-o://1.34.1', ['registry.k8s.io/pause:3.10.1']],
    ['docker://27.0.3', []],
    ['', []],
  ])("are assumed by the runtime's default when the kubelet reports none: %s", (runtime, expected) => {
    expect(pauseImagesOf(node(runtime, ['docker.io/library/nginx:1.27']))).toEqual(expected);
  });

  it('are empty for a node that does not run Linux', () => {
    expect(
      pauseImagesOf(node('containerd://2.2.9', ['mcr.microsoft.com/oss/kubernetes/pause:3.10'], 'windows')),
    ).toEqual([]);
  });

  it('are assumed for a node without a list of images', () => {
    const status = { nodeInfo: { operatingSystem: 'linux', containerRuntimeVersion: 'containerd://2.2.9' } };
    expect(pauseImagesOf({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' }, status })).toEqual([
      'registry.k8s.io/pause:3.10.1',
    ]);
  });
});
