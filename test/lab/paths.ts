import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ClusterNames } from './names.ts';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where built parts stay between runs: `ECR_BOOTSTRAP_LAB_CACHE`, or a folder of the user's XDG cache. */
export const cache =
  process.env['ECR_BOOTSTRAP_LAB_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ecr-bootstrap-lab');

/**
 * The running lab's folder (logs, certificates, data): `ECR_BOOTSTRAP_LAB_STATE`, or a fixed place under
 * /var/tmp, because overlayfs and etcd want a real disk.
 */
export const state = process.env['ECR_BOOTSTRAP_LAB_STATE'] ?? '/var/tmp/ecr-bootstrap-lab';

/** What belongs to one of the clusters. */
export const clusterFolder = ({ name }: ClusterNames): string => join(state, name);

export const kubeconfigOf = (cluster: ClusterNames, user: string): string =>
  join(clusterFolder(cluster), `${user.replaceAll(':', '-')}.kubeconfig`);

/** Who asks a cluster's API server, as rows of `token,user,...`. */
export const tokensOf = (cluster: ClusterNames): string => join(clusterFolder(cluster), 'tokens.csv');

/** Of a cluster's container runtime, where the laptop finds it too. A socket's path has at most 107 characters. */
export const containerdSocket = (cluster: ClusterNames): string =>
  join(clusterFolder(cluster), 'containerd.sock');
