import type { ChangeWith, Outcome } from '../../core/step.ts';
import type { KeyRevocation, ObservedKey } from '../state.ts';

/**
 * The access keys that one run has observed. A list of IAM can be older than the one before, and an unlisted key may
 * work. So a run must remember every key that its plan disables or deletes.
 */
export class ObservedKeys {
  readonly #seen = new Map<string, ObservedKey>();
  readonly #disabled = new Set<string>();
  readonly #deleted = new Set<string>();

  /** The listed keys, and keys from earlier lists that this run did not delete. */
  all(listed: readonly ObservedKey[]): ObservedKey[] {
    for (const key of listed) this.#seen.set(key.id, key);
    const isListed = (id: string): boolean => listed.some((key) => key.id === id);
    return [...this.#seen.values()]
      .filter(({ id }) => !this.#deleted.has(id))
      .map((key) => (isListed(key.id) ? key : { ...key, active: key.active && !this.#disabled.has(key.id) }));
  }

  /** Records the outcomes of changes that disable or delete keys. */
  note(outcomes: readonly Outcome<ChangeWith<KeyRevocation>>[]): void {
    for (const { change, result } of outcomes) {
      if (result !== 'done') continue;
      const { does, id } = change.payload;
      (does === 'deleteKey' ? this.#deleted : this.#disabled).add(id);
    }
  }
}
