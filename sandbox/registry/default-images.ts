import type { ImageSeed } from './image.ts';

const both: ImageSeed = { platforms: ['linux/amd64', 'linux/arm64'] };
const base = ['a base that several images share'];

/** What the sandbox's internet holds from the start: host, repository, tag and how the image is built. */
export const DEFAULT_IMAGES: readonly (readonly [
  host: string,
  name: string,
  tag: string,
  seed: ImageSeed,
])[] = [
  ['ghcr.io', 'external-secrets/external-secrets', 'v0.12.1', { ...both, base, layers: 2 }],
  ['docker.io', 'library/nginx', '1.27', { ...both, base, layers: 3, attestations: true }],
  ['docker.io', 'library/nginx', '1.28', { ...both, base, layers: 3, attestations: true }],
  ['quay.io', 'prometheus/node-exporter', 'v1.9.0', { ...both, schema2: true }],
  ['registry.k8s.io', 'pause', '3.10', both],
  ['docker.io', 'prom/prometheus', 'v3.1.0', { ...both, base }],
  ['registry.k8s.io', 'coredns/coredns', 'v1.13.1', both],
  ['registry.k8s.io', 'etcd', '3.6.8-0', both],
  ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map(
    (name) => ['registry.k8s.io', name, 'v1.36.3', { ...both, base }] as const,
  ),
];
