import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import type { Part } from '../build/part.ts';
import { busybox, externalSecrets, idle, layerFile, otherOperator } from '../build/parts.ts';
import { run } from '../process.ts';
import { versions } from '../versions.ts';
import { packLayer, readLayer, writeImage } from './oci.ts';
import type { Image } from './oci.ts';

const operatorNames = ({ version }: Part) =>
  [
    `ghcr.io/external-secrets/external-secrets:v${version}`,
    // This host is retired, but the install YAML of v0.12.1 still contains it.
    `oci.external-secrets.io/external-secrets/external-secrets:v${version}`,
  ] as const;

export const operatorImages = operatorNames(externalSecrets);

/** The image of an operator that others have installed. They have copied it to every node. */
export const otherOperatorImage = otherOperator && operatorNames(otherOperator.layer)[1];

const kubernetesTag = `v${versions.kubernetes}`;

/** The images that every node has before it is disconnected, as after `kubeadm init` and the CNI's installation. */
export const nodeImages = {
  /** The image of every pod's sandbox: containerd's default. */
  pause: 'registry.k8s.io/pause:3.10.1',
  etcd: `registry.k8s.io/etcd:${versions.etcd}-0`,
  apiServer: `registry.k8s.io/kube-apiserver:${kubernetesTag}`,
  controllerManager: `registry.k8s.io/kube-controller-manager:${kubernetesTag}`,
  scheduler: `registry.k8s.io/kube-scheduler:${kubernetesTag}`,
  proxy: `registry.k8s.io/kube-proxy:${kubernetesTag}`,
  coredns: 'registry.k8s.io/coredns/coredns:v1.14.2',
  cni: 'docker.io/flannel/flannel:v0.27.4',
} as const;

/** Images that only wait: built here, each with its own digest. */
const idleImages = [
  ...Object.values(nodeImages),
  'docker.io/library/nginx:1.28',
  'docker.io/library/redis:8',
  'quay.io/prometheus/node-exporter:v1.9.1',
  'registry.k8s.io/coredns/coredns:v1.12.1',
] as const;

const layerOf = (part: Part) => readLayer(join(partFolder(part), layerFile));

/**
 * Publishes all images in the registries on the internet, with skopeo.
 * @param trust PEM of the CAs that the operator's image trusts. Like the released image, it has its own bundle.
 */
export async function publishImages(scratch: string, trust: string, log: string): Promise<void> {
  const layers = [await layerOf(idle)];
  const platforms = ['linux/amd64', 'linux/arm64'];
  for (const [number, name] of idleImages.entries()) {
    const image = { layers, entrypoint: ['/idle'], env: [`IMAGE=${name}`], platforms };
    await publish(join(scratch, `idle-${number}`), image, [name], log);
  }
  const tools = { layers: [await layerOf(busybox)], command: ['sh'], env: ['PATH=/bin'], platforms };
  await publish(join(scratch, 'busybox'), tools, [`docker.io/library/busybox:${versions.busybox}`], log);
  const certificates = join(scratch, 'certificates');
  await mkdir(join(certificates, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(certificates, 'etc/ssl/certs/ca-certificates.crt'), trust);
  const certificatesLayer = join(scratch, 'certificates.tar.gz');
  await packLayer(certificates, certificatesLayer, log);
  const trusted = await readLayer(certificatesLayer);
  for (const operator of [externalSecrets, otherOperator?.layer]) {
    if (operator === undefined) continue;
    const layers = [trusted, await layerOf(operator)];
    const image = { layers, entrypoint: ['/bin/external-secrets'], platforms };
    await publish(join(scratch, `operator-${operator.version}`), image, operatorNames(operator), log);
  }
}

async function publish(folder: string, image: Image, names: readonly string[], log: string): Promise<void> {
  for (const name of names) {
    await writeImage(folder, image, name);
    await run('skopeo', ['copy', '--quiet', '--all', `oci:${folder}`, `docker://${name}`], { log });
  }
}
