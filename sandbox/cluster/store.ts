import { randomUUID } from 'node:crypto';
import type { SandboxClock } from '../clock.ts';
import { type Draft, equal, fieldAt, type KubeObject, type Metadata, timestamp } from './objects.ts';
import { apiVersion, customResource, type Resource } from './resources.ts';

/**
 * Every object of the cluster. Returned objects are shared: callers must change copies and `put` them.
 * As with etcd behind the API server, each write gets a new version, and a write that changes nothing is ignored.
 */
export class ObjectStore {
  readonly #clock: SandboxClock;
  readonly #builtin: readonly Resource[];
  readonly #kinds = new Map<string, Map<string, KubeObject>>();
  /** What {@link list} and {@link resources} have computed since the last change of a kind. */
  readonly #sorted = new Map<string, readonly KubeObject[]>();
  #resources: readonly Resource[] | undefined;
  readonly #listeners = new Set<(object: KubeObject) => void>();
  readonly #garbage: GarbageCollector;
  #version = 1000;

  /** @param collectionLag milliseconds, see {@link GarbageCollector} */
  constructor(clock: SandboxClock, builtin: readonly Resource[], collectionLag = 0) {
    this.#clock = clock;
    this.#builtin = builtin;
    this.#garbage = new GarbageCollector(this, clock, collectionLag);
  }

  /** Removes the objects whose owners were deleted long enough ago. @returns whether some objects are not due yet */
  collectGarbage(): boolean {
    return this.#garbage.collect();
  }

  /** Saves every object. @returns a function that restores all of them, and deletes the others */
  save(): () => void {
    const saved = [...this.#kinds].map(([kind, objects]) => [kind, [...objects]] as const);
    return () => {
      this.#kinds.clear();
      this.#sorted.clear();
      this.#resources = undefined;
      for (const [kind, objects] of saved) this.#kinds.set(kind, new Map(objects));
      this.#version += 1;
    };
  }

  /** The version of the newest write. */
  get version(): string {
    return String(this.#version);
  }

  /** The current time as Kubernetes writes it. */
  get time(): string {
    return timestamp(this.#clock.now());
  }

  /** The served kinds. A custom kind is served when its CRD is Established. */
  resources(): readonly Resource[] {
    if (this.#resources) return this.#resources;
    const definitions = this.list('CustomResourceDefinition').filter((definition) =>
      isTrue(definition, 'Established'),
    );
    return (this.#resources = [...this.#builtin, ...definitions.map(customResource)]);
  }

  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- names the kind's shape at the call
  get<T extends KubeObject = KubeObject>(kind: string, name: string, namespace = ''): T | undefined {
    return this.#kinds.get(kind)?.get(`${namespace}/${name}`) as T | undefined;
  }

  /** The objects of a kind, sorted by namespace and name. */
  list<T extends KubeObject = KubeObject>(kind: string, namespace?: string): T[] {
    const objects = this.#sort(kind) as readonly T[];
    return objects.filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  }

  #sort(kind: string): readonly KubeObject[] {
    const known = this.#sorted.get(kind);
    if (known) return known;
    const entries = [...(this.#kinds.get(kind) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    const objects = entries.map(([, object]) => object);
    this.#sorted.set(kind, objects);
    return objects;
  }

  all(): KubeObject[] {
    return [...this.#kinds.values()].flatMap((objects) => [...objects.values()]);
  }

  /** Creates or replaces an object, and returns the stored object. */
  put(draft: Draft): KubeObject {
    const next = this.#complete(draft);
    const { name, namespace } = next.metadata;
    const current = this.get(next.kind, name, namespace);
    if (current !== undefined && equal(current, next)) return current;
    const object = structuredClone(next);
    this.#version += 1;
    object.metadata.resourceVersion = this.version;
    const objects = this.#kinds.get(object.kind) ?? new Map<string, KubeObject>();
    this.#kinds.set(object.kind, objects.set(keyOf(object), object));
    this.#changed(object);
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    if (
      deletionTimestamp !== undefined &&
      finalizers.length === 0 &&
      !['Namespace', 'CustomResourceDefinition'].includes(object.kind)
    ) {
      this.delete(object.kind, name, namespace);
    }
    return object;
  }

  /** The object that {@link put} would store, except for the new resourceVersion. */
  preview(draft: Draft): KubeObject {
    return structuredClone(this.#complete(draft));
  }

  /** Adds what the API server sets. The result shares values with the draft. */
  #complete(draft: Draft): KubeObject {
    const { namespace, name = `${draft.metadata.generateName ?? ''}${suffix()}` } = draft.metadata;
    const current = this.get(draft.kind, name, namespace);
    const metadata: Metadata = {
      ...draft.metadata,
      name,
      uid: current?.metadata.uid ?? randomUUID(),
      creationTimestamp: current?.metadata.creationTimestamp ?? timestamp(this.#clock.now()),
    };
    const deletionTimestamp = current?.metadata.deletionTimestamp;
    if (deletionTimestamp !== undefined) metadata.deletionTimestamp = deletionTimestamp;
    const managedFields = metadata.managedFields ?? current?.metadata.managedFields;
    if (managedFields !== undefined) metadata.managedFields = managedFields;
    if (current?.metadata.resourceVersion !== undefined) {
      metadata.resourceVersion = current.metadata.resourceVersion;
    } else {
      delete metadata.resourceVersion;
    }
    if (draft.spec !== undefined) {
      const before = current?.metadata.generation ?? 0;
      metadata.generation = equal(current?.spec, draft.spec) ? before : before + 1;
    }
    const version = draft.apiVersion ?? this.#preferredVersion(draft.kind);
    return { ...draft, apiVersion: version, metadata };
  }

  #preferredVersion(kind: string): string {
    const resource = this.resources().find((candidate) => candidate.kind === kind);
    if (resource === undefined) throw new Error(`kind ${kind} is not served`);
    return apiVersion(resource.group, resource.versions[0] ?? '');
  }

  /**
   * Deletes an object and, unless `orphan`, its dependents. With a namespace it deletes the contents, and with a CRD the
   * objects of its kind. An object stays until its finalizers are removed, and so does its namespace or CRD. A pod on a
   * node without a kubelet stays too, unless `force`.
   * @returns the deleted object, if it existed
   */
  delete(
    kind: string,
    name: string,
    namespace = '',
    { orphan = false, force = false } = {},
  ): KubeObject | undefined {
    const object = this.get(kind, name, namespace);
    if (object === undefined) return undefined;
    if (object.metadata.finalizers?.length || (!force && this.#isOnLostNode(object)))
      return this.#markDeleted(object);
    if (kind === 'Namespace' && this.#keepsContent(name)) return this.#terminate(object);
    if (kind === 'CustomResourceDefinition' && this.#keepsObjects(object)) return this.#empty(object);
    this.#kinds.get(kind)?.delete(`${namespace}/${name}`);
    this.#version += 1;
    this.#changed(object);
    if (kind === 'Namespace') this.#deleteWhere((other) => other.metadata.namespace === name);
    if (kind === 'CustomResourceDefinition') {
      const defined = customResource(object).kind;
      this.#deleteWhere((other) => other.kind === defined);
    }
    if (orphan) this.#garbage.orphan(object);
    else this.#garbage.ownerGone(object);
    this.#finishNamespace(namespace);
    this.#finishDefinition(kind);
    return object;
  }

  /** Whether the object is a pod of a node whose kubelet does not report: nothing confirms that it has ended. */
  #isOnLostNode({ kind, spec }: KubeObject): boolean {
    const nodeName = kind === 'Pod' ? fieldAt(spec, ['nodeName']) : undefined;
    const node = typeof nodeName === 'string' ? this.get('Node', nodeName) : undefined;
    return node !== undefined && !isTrue(node, 'Ready');
  }

  /** Sets the deletion time, unless it is already set. */
  #markDeleted(object: KubeObject, status = object.status): KubeObject {
    if (object.metadata.deletionTimestamp !== undefined) return object;
    const deletionTimestamp = timestamp(this.#clock.now());
    return this.put({ ...object, metadata: { ...object.metadata, deletionTimestamp }, status });
  }

  #keepsContent(namespace: string): boolean {
    return this.all().some(
      (object) =>
        object.metadata.namespace === namespace &&
        (object.metadata.finalizers?.length || this.#isOnLostNode(object)),
    );
  }

  /** Deletes the objects without finalizers. The others, and then the namespace, follow when these are removed. */
  #terminate(namespace: KubeObject): KubeObject {
    const marked = this.#markDeleted(namespace, { phase: 'Terminating' });
    this.#deleteWhere(({ metadata }) => metadata.namespace === namespace.metadata.name);
    return marked;
  }

  #keepsObjects(definition: KubeObject): boolean {
    return this.list(customResource(definition).kind).some(({ metadata }) => metadata.finalizers?.length);
  }

  /** Deletes the objects without finalizers. The CRD is deleted with the last object. */
  #empty(definition: KubeObject): KubeObject {
    const marked = this.#markDeleted(definition);
    const { kind } = customResource(definition);
    this.#deleteWhere((other) => other.kind === kind);
    return marked;
  }

  #finishDefinition(kind: string): void {
    const definition = this.list('CustomResourceDefinition').find((one) => customResource(one).kind === kind);
    if (definition?.metadata.deletionTimestamp === undefined || this.#keepsObjects(definition)) return;
    this.delete('CustomResourceDefinition', definition.metadata.name);
  }

  #finishNamespace(name: string): void {
    const namespace = this.get('Namespace', name);
    if (namespace?.metadata.deletionTimestamp === undefined || this.#keepsContent(name)) return;
    this.delete('Namespace', name);
  }

  /** Calls `listener` after each write, with the written or deleted object. @returns a function that removes it */
  onChange(listener: (object: KubeObject) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(object: KubeObject): void {
    this.#sorted.delete(object.kind);
    if (object.kind === 'CustomResourceDefinition') this.#resources = undefined;
    for (const listener of this.#listeners) listener(object);
  }

  #deleteWhere(isSelected: (object: KubeObject) => boolean): void {
    for (const { kind, metadata } of this.all().filter(isSelected)) {
      this.delete(kind, metadata.name, metadata.namespace);
    }
  }
}

const keyOf = ({ metadata }: KubeObject) => `${metadata.namespace ?? ''}/${metadata.name}`;

/** The suffix of a generated name in Kubernetes: five letters and digits. */
const suffix = () => randomUUID().replaceAll('-', '').slice(-5);

export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

/** Whether the status of an object has a condition of this type with status True. */
export function isTrue(object: KubeObject, type: string): boolean {
  const conditions = fieldAt(object, ['status', 'conditions']);
  return (
    Array.isArray(conditions) &&
    conditions.some((entry: Condition) => entry.type === type && entry.status === 'True')
  );
}

/** Sets one condition. Its transition time changes only when its status changes. */
export function withCondition(
  conditions: readonly Condition[] = [],
  next: Condition,
  now: number,
): Condition[] {
  const old = conditions.find(({ type }) => type === next.type);
  const kept = old?.status === next.status ? old.lastTransitionTime : undefined;
  const entry = { ...next, lastTransitionTime: kept ?? timestamp(now) };
  return [...conditions.filter(({ type }) => type !== next.type), entry];
}

interface Gone {
  readonly uid: string;
  readonly kind: string;
  /** Milliseconds since the epoch, in sandbox time. */
  readonly due: number;
}

/** The garbage collector: deletes objects whose last owner was deleted, at once or after a lag. */
export class GarbageCollector {
  readonly #store: ObjectStore;
  readonly #clock: SandboxClock;
  readonly #lag: number;
  #gone: Gone[] = [];

  /** @param lag milliseconds of sandbox time between the deletion of an owner and that of its dependents */
  constructor(store: ObjectStore, clock: SandboxClock, lag: number) {
    this.#store = store;
    this.#clock = clock;
    this.#lag = lag;
  }

  ownerGone({ kind, metadata: { uid = '' } }: KubeObject): void {
    if (this.#lag === 0) this.#release(uid, false);
    else this.#gone.push({ uid, kind, due: this.#clock.now() + this.#lag });
  }

  /** Removes the owner reference from the dependents, which then stay. */
  orphan({ metadata: { uid = '' } }: KubeObject): void {
    this.#release(uid, true);
  }

  /**
   * Deletes the dependents that are due. Dependents of an owner whose kind is no longer served stay: the collector of
   * Kubernetes looks up the owner by its kind before it deletes a dependent, and that always fails.
   * @returns whether some dependents are not due yet
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
