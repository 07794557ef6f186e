import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { addresses, clusters, region } from '../names.ts';
import { containerdSocket, kubeconfigOf } from '../paths.ts';
import { capture } from '../process.ts';
import type { Authority, KeyPairFiles } from './certificates.ts';
import type { ServiceOptions } from './service.ts';

/** The file with the CAs that Debian's programs trust. */
export const caBundle = '/etc/ssl/certs/ca-certificates.crt';

const dockerSocket = 'unix:///run/docker.sock';

/** Docker as on a laptop, except that its containers have no network, because the lab runs none. */
export const docker: ServiceOptions = {
  name: 'dockerd',
  command: [
    'dockerd',
    `--host=${dockerSocket}`,
    '--storage-driver=overlay2',
    '--iptables=false',
    '--bridge=none',
    '--ip-forward=false',
  ],
  ready: async () => (await capture('docker', ['--host', dockerSocket, 'version'])) !== '',
};

/** One registry serves all names on the internet. */
export async function internetRegistry(folder: string, tls: KeyPairFiles): Promise<ServiceOptions> {
  const health = '127.0.0.1:5001';
  const config = {
    version: 0.1,
    log: { accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') } },
    http: { addr: `${addresses.internet}:443`, tls, debug: { addr: health } },
  };
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'config.yml');
  await writeFile(file, JSON.stringify(config));
  return {
    name: 'internet-registry',
    command: ['docker-registry', 'serve', file],
    ready: async () => (await fetch(`http://${health}/debug/health`)).ok,
  };
}

/** Writes the home folder of the user at the laptop, and makes the machine trust the lab's "Amazon". */
export async function writeLaptop(home: string, authority: Authority): Promise<void> {
  await appendFile(caBundle, await readFile(authority.certificate));
  await mkdir(home, { recursive: true, mode: 0o700 });
  const environment = {
    HOME: home,
    DOCKER_HOST: dockerSocket,
    KUBECONFIG: Object.values(clusters)
      .map((cluster) => kubeconfigOf(cluster, 'admin'))
      .join(':'),
    CONTAINERD_ADDRESS: containerdSocket(clusters.first),
    NODE_EXTRA_CA_CERTS: authority.certificate,
    AWS_CA_BUNDLE: authority.certificate,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  await writeFile(join(home, 'environment.json'), JSON.stringify(environment, null, 2));
}

/** Writes an administrator's key to the default profile of the user at the laptop. */
export async function writeCredentials(
  home: string,
  { accessKeyId, secretAccessKey }: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<void> {
  const folder = join(home, '.aws');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const profile = [
    '[default]',
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
  ];
  await writeFile(join(folder, 'credentials'), `${profile.join('\n')}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'config'), `[default]\nregion = ${region}\n`);
}
