import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { partFolder } from '../build/part.ts';
import type { Part } from '../build/part.ts';
import { externalSecrets, idle, layerFile } from '../build/parts.ts';
import { run } from '../process.ts';
import { packLayer, readLayer, writeImage } from './oci.ts';
import type { Image } from './oci.ts';

/** The image of every pod's sandbox. The node has it before it is disconnected, as after kubeadm. */
export const pauseImage = 'registry.k8s.io/pause:3.10';

const operatorTag = `v${externalSecrets.version}`;

/**
 * The operator's image has two names. The host of the second one is retired, but the install YAML still contains
 * it.
 */
export const operatorImages = [
  `ghcr.io/external-secrets/external-secrets:${operatorTag}`,
  `oci.external-secrets.io/external-secrets/external-secrets:${operatorTag}`,
] as const;

/** The images of the cluster's workloads: built here, each with its own digest. */
const workloadImages = [
  'docker.io/library/nginx:1.28',
  'docker.io/library/redis:8',
  'quay.io/prometheus/node-exporter:v1.9.1',
  'registry.k8s.io/coredns/coredns:v1.12.1',
] as const;

/** The platform of this machine, in image notation. */
const machinePlatform = `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`;

const layerOf = (part: Part) => readLayer(join(partFolder(part), layerFile));

/** Writes the pause image as a tar that containerd can import. */
export async function writePauseImage(file: string, scratch: string, log: string): Promise<void> {
  const layers = [await layerOf(idle)];
  await writeImage(scratch, { layers, entrypoint: ['/idle'], platforms: [machinePlatform] }, pauseImage);
  await run('tar', ['-C', scratch, '-cf', file, '.'], { log });
}

/**
 * Publishes all images in the registries on the internet, with skopeo.
 * @param trust PEM of the CAs that the operator's image trusts. Like the released image, it has its own bundle.
 */
export async function publishImages(scratch: string, trust: string, log: string): Promise<void> {
  const layers = [await layerOf(idle)];
  const platforms = ['linux/amd64', 'linux/arm64'];
  for (const [number, name] of workloadImages.entries()) {
    const image = { layers, entrypoint: ['/idle'], env: [`IMAGE=${name}`], platforms };
    await publish(join(scratch, `workload-${number}`), image, [name], log);
  }
  const certificates = join(scratch, 'certificates');
  await mkdir(join(certificates, 'etc/ssl/certs'), { recursive: true });
  await writeFile(join(certificates, 'etc/ssl/certs/ca-certificates.crt'), trust);
  const certificatesLayer = join(scratch, 'certificates.tar.gz');
  await packLayer(certificates, certificatesLayer, log);
  const operatorLayers = [await readLayer(certificatesLayer), await layerOf(externalSecrets)];
  await publish(
    join(scratch, 'operator'),
    { layers: operatorLayers, entrypoint: ['/bin/external-secrets'], platforms },
    operatorImages,
    log,
  );
}

async function publish(folder: string, image: Image, names: readonly string[], log: string): Promise<void> {
  for (const name of names) {
    await writeImage(folder, image, name);
    await run('skopeo', ['copy', '--quiet', '--all', `oci:${folder}`, `docker://${name}`], { log });
  }
}
