import { tags as tagKeys } from '../core/ownership.ts';
import { recordsIn } from './registration/records.ts';
import { ownershipOf } from '../iam/tags.ts';
import { isAccepted, type JudgedPair, type KeyState, type ObservedKey } from './state.ts';
import { secretParts } from './stored.ts';

/**
 * The state of the protocol, which decides the next action:
 * - `settled`: a working pair is current
 * - `promote`: a complete pair is stored and has to be verified and made current
 * - `restore`: the values work together, but come from different writes or have a wrong region: store them together
 * - `make`: no stored pair works, so a key has to be created
 * - `verify`: IAM's list does not show whether a stored pair works, and this command must not use the pair
 * - `hidden`: a secret scheduled for deletion hides its values until it is restored
 */
export type KeySituation =
  | { readonly next: 'settled' | 'promote' | 'restore'; readonly pair: JudgedPair }
  | { readonly next: 'verify'; readonly unverified: JudgedPair; readonly pair?: undefined }
  | { readonly next: 'make' | 'hidden'; readonly pair?: undefined };

export function classify(state: KeyState): KeySituation {
  if (secretParts.some((part) => state.stored[part]?.deleted)) return { next: 'hidden' };
  const { pairs, creating } = state;
  const alive = pairs.filter(({ verdict }) => verdict !== 'gone');
  const whole = alive.filter(({ version }) => version !== undefined);
  const current = whole.find(({ isCurrent }) => isCurrent);

  const pending = whole.find(({ isPending, isCurrent }) => isPending && !isCurrent);
  if (pending?.verdict === 'unlisted') return { next: 'verify', unverified: pending };
  // While the tag marks a key as being created, AWS may refuse it only because it is new.
  if (pending && (creating || isAccepted(pending.verdict))) return { next: 'promote', pair: pending };
  if (current && isAccepted(current.verdict)) return { next: 'settled', pair: current };
  const unlisted = alive.find(({ verdict }) => verdict === 'unlisted');
  if (unlisted) return { next: 'verify', unverified: unlisted };
  if (current && creating) return { next: 'promote', pair: current };
  const other = whole.find(({ verdict }) => isAccepted(verdict));
  if (other) return { next: 'promote', pair: other };
  const loose = alive.find(({ verdict }) => isAccepted(verdict));
  // Values of different writes may not belong together. Only using them can show this.
  if (loose?.verdict === 'listed') return { next: 'verify', unverified: loose };
  if (loose) return { next: 'restore', pair: loose };
  return { next: 'make' };
}

/** Managed: stored by ecr-bootstrap, registered by a cluster, created since the tag was set, or stored and working. */
export function isManagedKey(key: ObservedKey, state: KeyState): boolean {
  const works = state.pairs.some((pair) => pair.pair.accessKeyId === key.id && isAccepted(pair.verdict));
  const isRegistered = recordsIn(state.stored.id?.tags).some(({ keyId }) => keyId === key.id);
  return key.isStored || works || isRegistered || isUnfinished(key, state);
}

/** The keys that `down` disables and deletes: keys of a managed user, except those from before its adoption. */
export const removableKeys = (state: KeyState): ObservedKey[] =>
  state.ownership === 'managed'
    ? state.keys.filter((key) => isManagedKey(key, state) && !isKeyOfAdopted(key, state))
    : [];

const isKeyOfAdopted = ({ id }: ObservedKey, { user }: KeyState): boolean =>
  user?.tags[tagKeys.adopted]?.split(' ').includes(id) ?? false;

/**
 * The keys that may be managed or not, because the secret that lists the managed keys cannot be read. It is scheduled
 * for deletion, or it is absent or denied although ecr-bootstrap created or adopted the user.
 */
export function unknownKeys(state: KeyState): ObservedKey[] {
  const { id } = state.stored;
  const isExpected = ownershipOf(state.user?.tags ?? {}, state.tags) === 'managed';
  if (id ? !id.deleted : !isExpected) return [];
  return state.keys.filter((key) => !isManagedKey(key, state) && !isKeyOfAdopted(key, state));
}

export const isUnfinished = ({ id }: ObservedKey, { creating, ownership }: KeyState): boolean =>
  ownership === 'managed' && creating !== undefined && !creating.includes(id);

export function unmanagedKeys(state: KeyState): ObservedKey[] {
  const unknown = new Set(unknownKeys(state));
  return state.keys.filter((key) => !isManagedKey(key, state) && !unknown.has(key));
}

/** Milliseconds after which every token of a disabled key has expired. */
const tokenLife = 12 * 3_600_000;

/** Managed keys without use: never stored, not working, or disabled, with all their tokens expired. */
export function failedKeys(state: KeyState, { next, pair }: KeySituation): ObservedKey[] {
  if (next === 'hidden' || next === 'verify') return [];
  return state.keys
    .filter((key) => key.id !== pair?.pair.accessKeyId && isManagedKey(key, state))
    .filter(
      (key) =>
        next === 'make' || isUnfinished(key, state) || (next === 'settled' && isRetired(key, state, pair)),
    );
}

const isRetired = (key: ObservedKey, state: KeyState, pair: JudgedPair | undefined): boolean =>
  !key.active && state.now > retiredAt(key, state, pair);

/** When the last token of a disabled key has expired, in milliseconds since the epoch. */
export function retiredAt(key: ObservedKey, { keys, now }: KeyState, pair: JudgedPair | undefined): number {
  const successor = keys.find(({ id }) => id === pair?.pair.accessKeyId);
  return Math.max(key.lastUsed ?? 0, successor?.created ?? now) + tokenLife;
}

/** The current key, if it is disabled. */
export const disabledKey = ({ keys, pairs }: KeyState): ObservedKey | undefined => {
  const [stored] = pairs.filter(({ isCurrent }) => isCurrent);
  return keys.find(({ id, active }) => id === stored?.pair.accessKeyId && !active);
};

/** Managed keys other than the current one that still work, because a rotation did not finish. */
export function staleKeys(state: KeyState, situation: KeySituation): ObservedKey[] {
  if (situation.next !== 'settled') return [];
  const useless = new Set(failedKeys(state, situation));
  return state.keys.filter(
    (key) =>
      key.active &&
      key.id !== situation.pair.pair.accessKeyId &&
      isManagedKey(key, state) &&
      !useless.has(key),
  );
}
