import type { ChangeWith, Outcome } from '../../core/step.ts';
import type { KeyRevocation, ObservedKey } from '../state.ts';

/**
 * The access keys that one run has seen. IAM's lists can be older than what they showed before, and a key that is not
 * listed may work: a run that has shown that it disables or deletes a key must not lose sight of it.
 */
export class ObservedKeys {
  readonly #seen = new Map<string, ObservedKey>();
  readonly #disabled = new Set<string>();
  readonly #deleted = new Set<string>();

  /** The keys of a look, and those that an earlier look showed and this run did not delete. */
  all(listed: readonly ObservedKey[]): ObservedKey[] {
    for (const key of listed) this.#seen.set(key.id, key);
    const isListed = (id: string): boolean => listed.some((key) => key.id === id);
    return [...this.#seen.values()]
      .filter(({ id }) => !this.#deleted.has(id))
      .map((key) => (isListed(key.id) ? key : { ...key, active: key.active && !this.#disabled.has(key.id) }));
  }

  /** To be called with what became of changes that disable and delete keys. */
  note(outcomes: readonly Outcome<ChangeWith<KeyRevocation>>[]): void {
    for (const { change, result } of outcomes) {
      if (result !== 'done') continue;
      const { does, id } = change.payload;
      (does === 'deleteKey' ? this.#deleted : this.#disabled).add(id);
    }
  }
}
