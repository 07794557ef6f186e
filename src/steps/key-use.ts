import type { KubeObject } from '../cluster/port.ts';
import type { Context } from './context.ts';
import { operatorNamespace } from './ownership.ts';

/** Milliseconds by which AWS's record of a key's use and the operator's clock may differ. */
const tolerance = 600_000;

/**
 * When this cluster's operator last used the image puller's key, as its ExternalSecrets tell; 0 when they tell nothing.
 * Milliseconds since the epoch.
 */
export async function lastUseHere({ config, inventory }: Context): Promise<number> {
  const names = ['image-puller', config.pullSecret.name];
  const own = (await inventory.externalSecrets()).filter(
    ({ metadata }) => metadata.namespace === operatorNamespace && names.includes(metadata.name),
  );
  return Math.max(0, ...own.map(refreshTime));
}

function refreshTime(object: KubeObject): number {
  const { refreshTime: time = '' } = (object['status'] ?? {}) as { refreshTime?: string };
  return Date.parse(time) || 0;
}

/**
 * Whether a key was used by something that this cluster does not account for: another cluster of the project, or a
 * run of this program. IAM tells only the last use, so one that is followed by this cluster's own is not seen.
 * All in milliseconds.
 * @param within how long ago a use still counts
 */
export const isUsedElsewhere = (
  used: number | undefined,
  { here, now, within }: { here: number; now: number; within: number },
): used is number => used !== undefined && used > here + tolerance && now - used < within;
