import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ClusterNames } from './names.ts';

/** The root of the checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The folder for built parts: `ECR_BOOTSTRAP_LAB_CACHE`, or a folder of the user's XDG cache. */
export const cache =
  process.env['ECR_BOOTSTRAP_LAB_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ecr-bootstrap-lab');

/**
 * The running lab's folder (logs, certificates, data): `ECR_BOOTSTRAP_LAB_STATE`, or a fixed folder under
 * /var/tmp, because overlayfs and etcd need a real disk.
 */
export const state = process.env['ECR_BOOTSTRAP_LAB_STATE'] ?? '/var/tmp/ecr-bootstrap-lab';

/** The log of the requests to AWS: `{time, client, host, method, path, hasToken}` as JSON lines. */
export const requestLog = join(state, 'logs/requests.jsonl');

/** The folder of one of the clusters. */
export const clusterFolder = ({ name }: ClusterNames): string => join(state, name);

export const kubeconfigOf = (cluster: ClusterNames, user: string): string =>
  join(clusterFolder(cluster), `${user.replaceAll(':', '-')}.kubeconfig`);

/** The root of the folders and files that only a cluster's machine has. */
export const machineFolder = (cluster: ClusterNames): string => join(clusterFolder(cluster), 'machine');

/** The process id of the first process on a cluster's machine. */
export const machinePidFile = (cluster: ClusterNames): string => join(clusterFolder(cluster), 'machine.pid');

/** The users of a cluster's API server, as rows of `token,user,...`. */
export const tokensOf = (cluster: ClusterNames): string => join(clusterFolder(cluster), 'tokens.csv');

/**
 * The socket of a cluster's container runtime, at the same path on the laptop. A socket's path has at most 107
 * characters.
 */
export const containerdSocket = (cluster: ClusterNames): string =>
  join(clusterFolder(cluster), 'containerd.sock');
