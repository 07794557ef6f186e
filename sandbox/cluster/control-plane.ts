import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SandboxClock } from '../clock.ts';
import type { Admission } from './admission.ts';
import { canonical, timestamp } from './objects.ts';
import type { Draft, KubeObject } from './objects.ts';
import type { ObjectStore } from './store.ts';

/** What the controllers work with. */
export class ControlPlane {
  readonly store: ObjectStore;
  readonly clock: SandboxClock;
  readonly #admission: Admission;

  constructor(store: ObjectStore, clock: SandboxClock, admission: Admission) {
    this.store = store;
    this.clock = clock;
    this.#admission = admission;
  }

  /**
   * Creates or replaces an object as a controller's request would, through admission.
   * @throws StatusError when it is refused.
   */
  write(draft: Draft): KubeObject {
    const resource = this.store.resources().find(({ kind }) => kind === draft.kind);
    if (resource === undefined) throw new Error(`kind ${draft.kind} is not served`);
    const object = this.store.preview(draft);
    const old = this.store.get(object.kind, object.metadata.name, object.metadata.namespace);
    return this.store.put(
      this.#admission.admit(old === undefined ? 'CREATE' : 'UPDATE', resource, object, old),
    );
  }

  /** Sets an object's status; other fields stay as they are stored. */
  setStatus(object: KubeObject, status: unknown): KubeObject {
    const { kind, metadata } = object;
    const current = this.store.get(kind, metadata.name, metadata.namespace);
    if (current === undefined || isDeepStrictEqual(current.status, status)) return current ?? object;
    return this.store.put({ ...current, status });
  }

  /** Records an Event about an object; the same one again only counts up. */
  event(
    about: KubeObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    component: string,
  ): void {
    const { apiVersion, kind, metadata } = about;
    const { namespace = 'default', uid } = metadata;
    const name = `${metadata.name}.${shortHash([uid, reason, message])}`;
    const now = timestamp(this.clock.now());
    const old = this.store.get<KubeObject & { count: number; firstTimestamp: string }>(
      'Event',
      name,
      namespace,
    );
    this.store.put({
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: { apiVersion, kind, name: metadata.name, namespace: metadata.namespace, uid },
      type,
      reason,
      message,
      source: { component },
      firstTimestamp: old?.firstTimestamp ?? now,
      lastTimestamp: now,
      count: (old?.count ?? 0) + 1,
    });
  }
}

/** Ten hexadecimal digits that change with the value. */
export function shortHash(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 10);
}

/** Remembers what was computed of an object; sound because stored objects are replaced, never changed. */
export function remembered<T extends object, R>(compute: (object: T) => R): (object: T) => R {
  const results = new WeakMap<T, R>();
  return (object) => {
    const known = results.get(object);
    if (known !== undefined) return known;
    const result = compute(object);
    results.set(object, result);
    return result;
  };
}
