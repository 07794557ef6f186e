import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { SandboxClock } from '../clock.ts';
import type { Admission } from './admission.ts';
import { recordUpdate } from './field-managers.ts';
import { canonical, type Draft, type KubeObject, timestamp } from './objects.ts';
import type { ObjectStore } from './store.ts';

/** The interface of the controllers to the cluster. */
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
   * Creates or replaces an object through admission, like a request of a controller.
   * @param manager records the fields as set by this controller; the record matters only where clients apply fields too
   * @throws StatusError for a refusal
   */
  write(draft: Draft, manager?: string): KubeObject {
    const resource = this.store.resources().find(({ kind }) => kind === draft.kind);
    if (resource === undefined) throw new Error(`kind ${draft.kind} is not served`);
    const object = this.store.preview(draft);
    const old = this.store.get(object.kind, object.metadata.name, object.metadata.namespace);
    const admitted = this.#admission.admit(old === undefined ? 'CREATE' : 'UPDATE', resource, object, old);
    if (manager !== undefined) {
      const writer = { manager, apiVersion: object.apiVersion, time: this.store.time };
      recordUpdate(writer, old, admitted, resource);
    }
    return this.store.put(admitted);
  }

  /** Sets the status of an object, and leaves its other stored fields unchanged. */
  setStatus(object: KubeObject, status: unknown): KubeObject {
    const { kind, metadata } = object;
    const current = this.store.get(kind, metadata.name, metadata.namespace);
    if (current === undefined || isDeepStrictEqual(current.status, status)) return current ?? object;
    return this.store.put({ ...current, status });
  }

  /** Records an Event about an object. A repeated Event only increases the count. */
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

/** A hash of the value: ten hexadecimal digits. */
export function shortHash(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 10);
}

/** Caches the result for each object. That is safe because stored objects are replaced, never changed. */
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
