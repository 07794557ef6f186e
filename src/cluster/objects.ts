import { asAdoption, managedBy, managedByLabel, unknownOwner } from '../core/ownership.ts';
import { compare, compareAdopted } from './compare.ts';
import { isManagedBy, refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import type { ChangeWith, Diff, Field, Outcome } from '../core/step.ts';
import { inOrder } from '../core/members.ts';
import { nameOf } from '../core/target.ts';
import { waitFor } from '../core/wait.ts';
import type { ClusterRun } from './context.ts';

/** The Kubernetes objects of a step, and their state in the cluster. */
export interface ObjectsState {
  /** In the order of their application. */
  readonly wanted: readonly WantedObject[];
  /** Existing objects of earlier configurations. The managed ones are deleted. */
  readonly unwanted: readonly KubeObject[];
}

export interface WantedObject {
  /** Has the label of managed objects. */
  readonly desired: KubeObject;
  /** Undefined if the object, its namespace or its kind does not exist. */
  readonly actual: KubeObject | undefined;
}

/** The writes for one object: first the deletion, then the application. */
export interface ObjectWork {
  /** The object to delete, as it was observed. */
  readonly deletes?: KubeObject;
  readonly applies?: KubeObject;
  /** The object to update, as it was observed. */
  readonly observed?: KubeObject;
}

export type ObjectChange = ChangeWith<ObjectWork>;

/** The object with the label of managed objects. */
export function withManagedLabel<T extends KubeObject>(object: T): T {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, labels: { ...metadata.labels, ...managedBy } } };
}

/** The object with these annotations added. */
export function annotated<T extends KubeObject>(object: T, added: Readonly<Record<string, string>>): T {
  if (Object.keys(added).length === 0) return object;
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...added } } };
}

/** Whether a finalizer blocks the deletion of the object. */
export const isDeletionBlocked = ({
  metadata: { deletionTimestamp, finalizers = [] },
}: KubeObject): boolean => deletionTimestamp !== undefined && finalizers.length > 0;

export const isManaged = (object: KubeObject): boolean => isManagedBy(object, managedBy);

/** Reads each object. */
export async function observeObjects(
  cluster: ClusterPort,
  wanted: readonly KubeObject[],
  unwanted: readonly ObjectRef[] = [],
): Promise<ObjectsState> {
  const [observed, found] = await Promise.all([
    Promise.all(wanted.map(async (desired) => ({ desired, actual: await cluster.get(refOf(desired)) }))),
    Promise.all(unwanted.map((ref) => cluster.get(ref))),
  ]);
  return { wanted: observed, unwanted: found.filter((object) => object !== undefined) };
}

/** Reads the managed objects among `refs`, to delete them: for `down`, not for {@link diffObjects}. */
export async function observeManaged(
  cluster: ClusterPort,
  refs: readonly ObjectRef[],
): Promise<ObjectsState> {
  const { wanted, unwanted } = await observeObjects(cluster, [], refs);
  return { wanted, unwanted: unwanted.filter(isManaged) };
}

/** The objects that exist in the cluster. */
export const existing = ({ wanted, unwanted }: ObjectsState): readonly KubeObject[] => [
  ...wanted.flatMap(({ actual }) => actual ?? []),
  ...unwanted,
];

/** Adds objects, which were found by their label, to those to delete. */
export const alsoDeleting = (state: ObjectsState, found: readonly KubeObject[]): ObjectsState => ({
  ...state,
  unwanted: [...state.unwanted, ...found],
});

/** The changes that create, update and adopt the wanted objects and delete the unwanted ones. */
export function diffObjects({ wanted, unwanted }: ObjectsState): Diff<ObjectChange> {
  return { changes: [...wanted.flatMap(changesFor), ...deletions(unwanted)], findings: [] };
}

/** The changes that delete all managed objects, in reverse order of their application. */
export function removeObjects({ wanted, unwanted }: ObjectsState): Diff<ObjectChange> {
  const objects = [...unwanted, ...wanted.flatMap(({ actual }) => actual ?? [])].reverse();
  return { changes: deletions(objects), findings: [] };
}

/** Makes changes of {@link diffObjects} in their order, by server-side apply. */
export const applyObjects = (changes: readonly ObjectChange[], run: ClusterRun): Promise<Outcome[]> =>
  inOrder(changes, run, (change) => applyObject(change, run));

export async function applyObject(
  { adopts, payload: { deletes, applies } }: ObjectChange,
  run: ClusterRun,
): Promise<void> {
  const { cluster } = run.ctx;
  if (deletes) await deleteObserved(deletes, run);
  if (applies) await (adopts && !isShared(applies) ? cluster.adopt(applies) : cluster.apply(applies));
}

function changesFor({ desired, actual }: WantedObject): ObjectChange[] {
  const target = targetOf(refOf(desired));
  const grants = grantsRights(desired) ? { grants: true } : {};
  if (!actual) return [{ action: 'create', target, fields: [], ...grants, payload: { applies: desired } }];
  const isAdopted = !isManaged(actual) && !isShared(desired);
  const fields = isAdopted ? compareAdopted(desired, actual) : compare(desired, actual);
  if (fields.length === 0) return [];
  const isReplaced = isReplacement(desired.kind, fields);
  const change: ObjectChange = {
    action: isReplaced ? 'replace' : 'update',
    ...{ target, fields, ...grants },
    payload: { applies: desired, ...(isReplaced ? { deletes: actual } : { observed: actual }) },
  };
  return [isManaged(actual) ? change : asAdoption(change, { owner: ownerOf(actual) })];
}

/** Other tools use the namespace too, so fields that they set stay. */
export const isShared = ({ kind }: KubeObject): boolean => kind === 'Namespace';

/** Immutable fields, by kind. */
const immutable: Readonly<Record<string, RegExp>> = {
  Secret: /^type$/,
  RoleBinding: /^roleRef/,
  ClusterRoleBinding: /^roleRef/,
  Deployment: /^spec\.selector/,
  DaemonSet: /^spec\.selector/,
};

const isReplacement = (kind: string, fields: readonly Field[]): boolean =>
  fields.some(({ path }) => immutable[kind]?.test(path));

const grantsRights = ({ apiVersion }: KubeObject): boolean =>
  apiVersion.startsWith('rbac.authorization.k8s.io/');

const deletions = (objects: readonly KubeObject[]): ObjectChange[] =>
  objects.filter(isManaged).map((object) => ({
    action: 'delete',
    target: targetOf(refOf(object)),
    fields: [],
    payload: { deletes: object },
  }));

/** Deletes the observed object, and not a new one of the same name, and waits until it no longer exists. */
export async function deleteObserved(object: KubeObject, run: ClusterRun): Promise<void> {
  const { cluster } = run.ctx;
  const { uid } = object.metadata;
  const ref = refOf(object);
  await cluster.delete(ref, { uid });
  await waitFor(
    run,
    {
      deadlineMs: 60_000,
      intervalMs: 200,
      what: `${nameOf(targetOf(ref))} to be deleted`,
      hint: 'Remove its finalizers, or wait for their owners. Then run the same command again.',
    },
    async (pending) => {
      const left = await cluster.get(ref);
      if (!left || left.metadata.uid !== uid) return true;
      return pending(`finalizers: ${left.metadata.finalizers?.join(', ') ?? 'none'}`);
    },
  );
}

/** The owner of a Kubernetes object, from the label that tools set. */
export const ownerOf = ({ metadata }: KubeObject): string =>
  metadata.labels?.[managedByLabel] ?? unknownOwner;

/**
 * One object by its name, with the permission to list its kind: `policy cluster` grants that for more kinds than reading.
 * A list of namespaced objects is within the namespace of the reference.
 */
export async function listedObject(
  cluster: Pick<ClusterPort, 'list'>,
  { apiVersion, kind, name, namespace }: ObjectRef,
): Promise<KubeObject | undefined> {
  const options = { fieldSelector: `metadata.name=${name}`, ...(namespace !== undefined && { namespace }) };
  const [object] = await cluster.list({ apiVersion, kind }, options);
  return object;
}
