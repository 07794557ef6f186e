import type { AccessKeyContext } from '../context.ts';
import { oncePerContext } from '../../core/once.ts';
import { classify, isOurs, uselessKeys } from '../classify.ts';
import { type KeyState, type ObservedKey, observeKey } from '../state.ts';
import { clusterId } from '../../cluster/cluster-id.ts';
import type { SeenKeys } from './seen-keys.ts';
import { type ClusterRecord, recordsIn } from '../registration/records.ts';

/** How far a rotation is, seen from AWS and the cluster alone. */
export interface Rotation {
  readonly key: KeyState;
  /** No rotation is under way: a new key is to be made. */
  readonly begins: boolean;
  /** Keys of ours that work and that the new key takes, or took, the place of. */
  readonly outgoing: readonly ObservedKey[];
  /** The other registered clusters that are not verified with the current key. */
  readonly waiting: readonly ClusterRecord[];
  /** Keys because of which IAM has no place for a new one, though one is to be made. */
  readonly inTheWay: readonly ObservedKey[];
}

export type ObserveRotation = (ctx: AccessKeyContext) => Promise<Rotation>;

/** The keys that earlier rotations disabled. */
export const retiredKeys = (key: KeyState): ObservedKey[] =>
  key.keys.filter((one) => !one.active && isOurs(one, key));

/** Looks once for each context, which is one observation. */
export function rotationObserver(seen: SeenKeys): ObserveRotation {
  let existing: ReadonlySet<string> | undefined;
  let mayBegin: boolean | undefined;
  return oncePerContext(async (ctx: AccessKeyContext) => {
    const observed = await observeKey(ctx);
    const key = { ...observed, keys: seen.all(observed.keys) };
    const known = (existing ??= new Set(key.keys.map(({ id }) => id)));
    // Until Secrets Manager shows what this run has stored, its new key looks like one that nobody manages.
    const found = standOf({ ...key, keys: key.keys.filter((one) => known.has(one.id) || isOurs(one, key)) });
    // A key that this run has created or repaired is not replaced as well.
    mayBegin ??= found.begins;
    const outgoing = found.outgoing.filter(({ id }) => known.has(id) && (mayBegin || !found.begins));
    const stand = { ...found, begins: found.begins && outgoing.length > 0 };
    return { key, ...stand, outgoing, waiting: waitingFor(key, stand, await clusterId(ctx.cluster)) };
  });
}

/** While the new key is yet to be made, all of them. */
export function waitingFor(
  { stored, ...key }: KeyState,
  { begins }: Pick<Rotation, 'begins'>,
  here: string,
): ClusterRecord[] {
  const current = classify({ ...key, stored }).pair?.pair.accessKeyId;
  return recordsIn(stored.id?.tags).filter(
    ({ id, keyId, proof }) => id !== here && (begins || keyId !== current || proof !== 'verified'),
  );
}

interface Stand extends Pick<Rotation, 'begins' | 'inTheWay'> {
  readonly outgoing: readonly ObservedKey[];
}

function standOf(key: KeyState): Stand {
  const situation = classify(key);
  const { next, pair } = situation;
  if (!pair) return { begins: false, outgoing: [], inTheWay: [] };
  const useless = uselessKeys(key, situation);
  const others = key.keys.filter((one) => one.id !== pair.pair.accessKeyId && !useless.includes(one));
  const working = others.filter((one) => one.active && isOurs(one, key));
  if (next !== 'settled' || working.length > 0) return { begins: false, outgoing: working, inTheWay: [] };
  if (others.length > 0) return { begins: false, outgoing: [], inTheWay: others };
  return {
    begins: true,
    outgoing: key.keys.filter(({ id }) => id === pair.pair.accessKeyId),
    inTheWay: [],
  };
}
