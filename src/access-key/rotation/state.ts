import type { AccessKeyContext } from '../context.ts';
import { oncePerContext } from '../../core/once.ts';
import { classify, isManagedKey, failedKeys } from '../classify.ts';
import { type KeyState, type ObservedKey, observeKey } from '../state.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import type { ObservedKeys } from './observed-keys.ts';
import { type ClusterRecord, recordsIn } from '../registration/records.ts';

/** The progress of a rotation, according to AWS and the cluster alone. */
export interface Rotation {
  readonly key: KeyState;
  /** No rotation is in progress, so a new key has to be created. */
  readonly isNew: boolean;
  /** Working managed keys that the new key replaces or has replaced. */
  readonly outgoing: readonly ObservedKey[];
  /** The other registered clusters that are not verified with the current key. */
  readonly waiting: readonly ClusterRecord[];
  /** Keys that leave no place in IAM for the new key. */
  readonly blockedBy: readonly ObservedKey[];
}

export type ObserveRotation = (ctx: AccessKeyContext) => Promise<Rotation>;

/** The keys that earlier rotations disabled. */
export const retiredKeys = (key: KeyState): ObservedKey[] =>
  key.keys.filter((one) => !one.active && isManagedKey(one, key));

/**
 * Observes once per context. The first observation decides which keys this run replaces: later lists of IAM can be
 * older, and with the tag of an earlier run the old key would look unfinished. A key that this run has created or
 * repaired is not replaced.
 */
export function rotationObserver(observedKeys: ObservedKeys): ObserveRotation {
  let existing: ReadonlySet<string> | undefined;
  let replaced: ReadonlySet<string> | undefined;
  return oncePerContext(async (ctx: AccessKeyContext) => {
    const observed = await observeKey(ctx);
    const key = { ...observed, keys: observedKeys.all(observed.keys) };
    const known = (existing ??= new Set(key.keys.map(({ id }) => id)));
    // Until Secrets Manager shows what this run has stored, its new key looks unmanaged.
    const found = rotationStatusOf({
      ...key,
      keys: key.keys.filter((one) => known.has(one.id) || isManagedKey(one, key)),
    });
    const ids = (replaced ??= new Set(found.outgoing.map(({ id }) => id)));
    const current = classify(key).pair?.pair.accessKeyId;
    // Without a working pair, nothing shows that the old key is no longer needed.
    const isReplaced = current !== undefined && !ids.has(current);
    const status = !isReplaced
      ? found
      : { ...found, isNew: false, outgoing: key.keys.filter(({ id, active }) => active && ids.has(id)) };
    return { key, ...status, waiting: clustersToWaitFor(key, status, await clusterId(ctx.cluster)) };
  });
}

/** The other registered clusters that are not verified with the current key; all others before the new key exists. */
export function clustersToWaitFor(
  { stored, ...key }: KeyState,
  { isNew }: Pick<Rotation, 'isNew'>,
  here: string,
): ClusterRecord[] {
  const current = classify({ ...key, stored }).pair?.pair.accessKeyId;
  return recordsIn(stored.id?.tags).filter(
    ({ id, keyId, verification }) =>
      id !== here && (isNew || keyId !== current || verification !== 'verified'),
  );
}

interface RotationStatus extends Pick<Rotation, 'isNew' | 'blockedBy'> {
  readonly outgoing: readonly ObservedKey[];
}

function rotationStatusOf(key: KeyState): RotationStatus {
  const situation = classify(key);
  const { next, pair } = situation;
  if (!pair) return { isNew: false, outgoing: [], blockedBy: [] };
  const useless = failedKeys(key, situation);
  const others = key.keys.filter((one) => one.id !== pair.pair.accessKeyId && !useless.includes(one));
  const working = others.filter((one) => one.active && isManagedKey(one, key));
  if (next !== 'settled' || working.length > 0) return { isNew: false, outgoing: working, blockedBy: [] };
  if (others.length > 0) return { isNew: false, outgoing: [], blockedBy: others };
  return {
    isNew: true,
    outgoing: key.keys.filter(({ id }) => id === pair.pair.accessKeyId),
    blockedBy: [],
  };
}
