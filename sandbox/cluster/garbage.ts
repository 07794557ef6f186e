import type { SandboxClock } from '../clock.ts';
import type { KubeObject } from './objects.ts';
import type { ObjectStore } from './store.ts';

interface Gone {
  readonly uid: string;
  readonly kind: string;
  /** Milliseconds since the epoch, in sandbox time. */
  readonly due: number;
}

/** The garbage collector: an object whose last owner is gone goes too, at once or after a while. */
export class GarbageCollector {
  readonly #store: ObjectStore;
  readonly #clock: SandboxClock;
  readonly #lag: number;
  #gone: Gone[] = [];

  /** @param lag milliseconds of sandbox time between an owner's end and that of what it owned */
  constructor(store: ObjectStore, clock: SandboxClock, lag: number) {
    this.#store = store;
    this.#clock = clock;
    this.#lag = lag;
  }

  ownerGone({ kind, metadata: { uid = '' } }: KubeObject): void {
    if (this.#lag === 0) this.#release(uid, false);
    else this.#gone.push({ uid, kind, due: this.#clock.now() + this.#lag });
  }

  /** Takes the owner out of what it owned, which then stays. */
  orphan({ metadata: { uid = '' } }: KubeObject): void {
    this.#release(uid, true);
  }

  /**
   * Collects what is due. What was owned by a kind that is no longer served stays: the collector of Kubernetes looks
   * the owner up by its kind before it deletes, and fails at that for ever.
   * @returns whether something is not due yet
   */
  collect(): boolean {
    const now = this.#clock.now();
    const served = new Set(this.#store.resources().map(({ kind }) => kind));
    const due = this.#gone.filter((gone) => gone.due <= now && served.has(gone.kind));
    this.#gone = this.#gone.filter((gone) => !due.includes(gone));
    for (const { uid } of due) this.#release(uid, false);
    return this.#gone.some((gone) => gone.due > now);
  }

  #release(owner: string, orphan: boolean): void {
    for (const dependent of this.#store.all()) {
      const { ownerReferences = [], ...metadata } = dependent.metadata;
      if (!ownerReferences.some(({ uid }) => uid === owner)) continue;
      const left = ownerReferences.filter(({ uid }) => uid !== owner);
      if (left.length === 0 && !orphan) this.#store.delete(dependent.kind, metadata.name, metadata.namespace);
      else
        this.#store.put({
          ...dependent,
          metadata: left.length === 0 ? metadata : { ...metadata, ownerReferences: left },
        });
    }
  }
}
