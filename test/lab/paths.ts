import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
