import type { ClusterRule } from '../../core/step.ts';
import type { Message } from './protobuf.ts';

/** Any Kubernetes object. Code that needs other fields checks them when it reads them. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Not in lists of metadata. */
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

/** A kind of object: `{ apiVersion: 'apps/v1', kind: 'Deployment' }`. */
export interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface ObjectRef extends Kind {
  readonly name: string;
  readonly namespace?: string;
}

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Requests PartialObjectMetadata: only apiVersion, kind and the fields of {@link ObjectMeta} are set. */
  readonly metadataOnly?: boolean;
  /** Keeps only this part of each object while the pages arrive, so that large lists need little memory. */
  readonly reduce?: (object: KubeObject) => KubeObject;
  /**
   * The same part as the fields of a protobuf message, in which servers send built-in kinds much faster than in JSON. Give
   * `reduce` too, for servers that have only JSON.
   */
  readonly fields?: Message;
}

export interface WriteOptions {
  /** Validated and admitted by the server, not stored. */
  readonly dryRun?: boolean;
}

/** The object's identity and version that must not have changed. If both are missing, only the name counts. */
export interface Precondition {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface DeleteOptions extends Precondition {
  /** Removes a pod without waiting for its kubelet, which may be lost. */
  readonly force?: boolean;
}

/** One operation of RFC 6902. */
export interface JsonPatchOperation {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
}

export interface ClusterInfo {
  readonly context: string;
  readonly server: string;
  /** For example `v1.36.3`. */
  readonly version: string;
}

/** The question of a SelfSubjectAccessReview. */
export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
  readonly name?: string;
}

/**
 * The Kubernetes API, as far as this program uses it. Reads return undefined or an empty list for objects that do
 * not exist and for kinds that are not served. Errors are BootstrapError `cluster-*` or `tls-untrusted`. A
 * conflict (409) and a rejection by an admission webhook are {@link ClusterRefusal}, so that callers can
 * distinguish them.
 */
export interface ClusterPort {
  /** Memoised. */
  info(): Promise<ClusterInfo>;
  /** Whether the server serves that kind. Memoised until {@link ClusterPort.forgetKinds}. */
  serves(kind: Kind): Promise<boolean>;
  /** The kind of a resource, by the name of its CRD: `prometheuses.monitoring.coreos.com`. Undefined if it is not served. */
  kindOf(resource: string): Promise<Kind | undefined>;
  /** Call it after CRDs changed. */
  forgetKinds(): void;
  get(ref: ObjectRef): Promise<KubeObject | undefined>;
  /** All pages. */
  list(kind: Kind, options?: ListOptions): Promise<readonly KubeObject[]>;
  create(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /** What the server warns about when the object is created. It is not stored. */
  creationWarnings(object: KubeObject): Promise<readonly string[]>;
  /** Server-side apply as field manager `ecr-bootstrap`. Takes ownership of fields from other managers. */
  apply(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  /**
   * Like {@link ClusterPort.apply}, for an object created by kubectl or Helm. Removes fields that they set and
   * `object` does not.
   */
  adopt(object: KubeObject): Promise<KubeObject>;
  /** Update (PUT); fails with a conflict when `metadata.resourceVersion` is given and outdated. */
  update(object: KubeObject, options?: WriteOptions): Promise<KubeObject>;
  patch(
    ref: ObjectRef,
    operations: readonly JsonPatchOperation[],
    options?: WriteOptions,
  ): Promise<KubeObject>;
  /**
   * Also resolves when the object does not exist. Fails with a conflict when the existing object has another UID
   * or version.
   */
  delete(ref: ObjectRef, options?: DeleteOptions): Promise<void>;
  allowed(question: AccessQuestion): Promise<boolean>;
  /**
   * What this user may do in a namespace, including the rights in the whole cluster. Undefined if the server cannot
   * list everything, as with a webhook that authorizes.
   */
  rules(namespace: string): Promise<readonly ClusterRule[] | undefined>;
  /** The last line that a container logged. Undefined if there is none, or no container. */
  lastLogLine(pod: ObjectRef, container: string): Promise<string | undefined>;
}
