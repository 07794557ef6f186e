import type { KubeObject } from '../cluster/port.ts';
import type { Context } from './context.ts';
import { operatorNamespace } from './ownership.ts';

/** Milliseconds by which AWS's record of a key's use and the operator's clock may differ. */
const tolerance = 600_000;

/**
 * When this cluster's operator last used the image puller's key, as its ExternalSecrets tell; 0 when they tell nothing.
 * Milliseconds since the epoch.
 */
async function lastUseHere({ config, inventory }: Context): Promise<number> {
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
const isUsedElsewhere = (
  used: number | undefined,
  { here, now, within }: { here: number; now: number; within: number },
): used is number => used !== undefined && used > here + tolerance && now - used < within;

/**
 * Judges each enabled key of the image puller once, when it is first asked about: our own observing tries the current
 * key, which is a use.
 * @returns by key id, when something other than this cluster used it; undefined when nothing is known to
 */
export function otherUses(
  within: (ctx: Context) => number,
): (ctx: Context) => Promise<ReadonlyMap<string, number | undefined>> {
  const known = new Map<string, number | undefined>();
  return async (ctx) => {
    const { aws, clock } = ctx;
    const { name } = ctx.config.users.imagePuller;
    const keys = (await aws.iam.user(name)) ? await aws.iam.accessKeys(name) : [];
    const asked = keys.filter(({ active, id }) => active && !known.has(id));
    const newest = Math.max(...keys.map(({ created }) => created));
    for (const { id, created } of asked) {
      const used = await aws.iam.accessKeyLastUsed(id);
      // This cluster uses the newest key, so an older one must not have been used since that was made.
      const here = created === newest ? await lastUseHere(ctx) : newest;
      known.set(
        id,
        isUsedElsewhere(used, { here, now: clock.now(), within: within(ctx) }) ? used : undefined,
      );
    }
    return known;
  };
}
