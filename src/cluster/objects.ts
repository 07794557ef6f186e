import { adopting, managedBy, managedByLabel, unknownOwner } from '../core/ownership.ts';
import { compare, compareAdopted } from './compare.ts';
import { isManagedBy, refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import type { Change, Diff, Field, Outcome } from '../core/step.ts';
import { inOrder } from '../core/members.ts';
import { nameOf } from '../core/target.ts';
import { waitFor } from '../core/wait.ts';
import type { ClusterRun } from './context.ts';

/** The Kubernetes objects of a step, and their state in the cluster. */
export interface ObjectsState {
  /** In the order of their application, with the label of managed objects. */
  readonly wanted: readonly KubeObject[];
  /** Objects of earlier configurations: deleted when they exist and are managed. */
  readonly unwanted: readonly ObjectRef[];
  /** By {@link keyOf}. Without objects that do not exist, or whose namespace or kind does not exist. */
  readonly observed: ReadonlyMap<string, KubeObject>;
}

/** The object with the label of managed objects. */
export function owned<T extends KubeObject>(object: T): T {
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

export const keyOf = (ref: ObjectRef): string => nameOf(targetOf(ref));

/** Reads each object. */
export async function observeObjects(
  cluster: ClusterPort,
  wanted: readonly KubeObject[],
  unwanted: readonly ObjectRef[] = [],
): Promise<ObjectsState> {
  const refs = [...wanted.map(refOf), ...unwanted];
  const found = await Promise.all(refs.map(async (ref) => [keyOf(ref), await cluster.get(ref)] as const));
  const observed = new Map(found.flatMap(([key, object]) => (object ? [[key, object] as const] : [])));
  return { wanted, unwanted, observed };
}

/** Reads the managed objects among `refs`, to delete them: for `down`, not for {@link diffObjects}. */
export async function observeManaged(
  cluster: ClusterPort,
  refs: readonly ObjectRef[],
): Promise<ObjectsState> {
  const state = await observeObjects(cluster, [], refs);
  return { ...state, observed: new Map([...state.observed].filter(([, object]) => isManaged(object))) };
}

/** Adds objects, which were found by their label, to those to delete. */
export const alsoDeleting = (state: ObjectsState, found: readonly KubeObject[]): ObjectsState => ({
  ...state,
  unwanted: [...state.unwanted, ...found.map(refOf)],
  observed: new Map([...state.observed, ...found.map((object) => [keyOf(refOf(object)), object] as const)]),
});

/** The changes that create, update and adopt the wanted objects and delete the unwanted ones. */
export function diffObjects(state: ObjectsState): Diff {
  const changes = state.wanted.flatMap((object) =>
    changesFor(object, state.observed.get(keyOf(refOf(object)))),
  );
  return { changes: [...changes, ...deletions(state.unwanted, state)], findings: [] };
}

/** The changes that delete all managed objects, in reverse order of their application. */
export function removeObjects(state: ObjectsState): Diff {
  const refs = [...state.unwanted, ...state.wanted.map(refOf)].reverse();
  return { changes: deletions(refs, state), findings: [] };
}

/** Makes changes of {@link diffObjects} in their order, by server-side apply. */
export function applyObjects(
  changes: readonly Change[],
  state: ObjectsState,
  run: ClusterRun,
): Promise<Outcome[]> {
  const wanted = new Map(state.wanted.map((object) => [keyOf(refOf(object)), object]));
  const refs = new Map(state.unwanted.map((ref) => [keyOf(ref), ref]));
  return inOrder(changes, run, async (change) => {
    const key = nameOf(change.target);
    const object = wanted.get(key);
    const ref = object ? refOf(object) : refs.get(key);
    if (!ref) throw new Error(`${key} is not an object of this step`);
    if (change.action === 'replace' || change.action === 'delete') await deleteObserved(ref, state, run);
    if (change.action === 'delete' || !object) return;
    await (change.adopts && !isShared(object)
      ? run.ctx.cluster.adopt(object)
      : run.ctx.cluster.apply(object));
  });
}

function changesFor(wanted: KubeObject, actual: KubeObject | undefined): Change[] {
  const target = targetOf(refOf(wanted));
  const grants = grantsRights(wanted) ? { grants: true } : {};
  if (!actual) return [{ action: 'create', target, fields: [], ...grants }];
  const isAdopted = !isManaged(actual) && !isShared(wanted);
  const fields = isAdopted ? compareAdopted(wanted, actual) : compare(wanted, actual);
  if (fields.length === 0) return [];
  const action = isReplacement(wanted.kind, fields) ? 'replace' : 'update';
  const change: Change = { action, target, fields, ...grants };
  return [isManaged(actual) ? change : adopting(change, { owner: ownerOf(actual) })];
}

/** Other tools use the namespace too, so fields that they set stay. */
const isShared = ({ kind }: KubeObject): boolean => kind === 'Namespace';

/** Immutable fields, by kind. */
const immutable: Readonly<Record<string, RegExp>> = {
  Secret: /^type$/,
  RoleBinding: /^roleRef/,
  ClusterRoleBinding: /^roleRef/,
  Deployment: /^spec\.selector/,
};

const isReplacement = (kind: string, fields: readonly Field[]): boolean =>
  fields.some(({ path }) => immutable[kind]?.test(path));

const grantsRights = ({ apiVersion }: KubeObject): boolean =>
  apiVersion.startsWith('rbac.authorization.k8s.io/');

function deletions(refs: readonly ObjectRef[], { observed }: ObjectsState): Change[] {
  return refs
    .filter((ref) => {
      const actual = observed.get(keyOf(ref));
      return actual !== undefined && isManaged(actual);
    })
    .map((ref) => ({ action: 'delete', target: targetOf(ref), fields: [] }));
}

/** Deletes the observed object, and not a new one of the same name, and waits until it no longer exists. */
export async function deleteObserved(ref: ObjectRef, state: ObjectsState, run: ClusterRun): Promise<void> {
  const { cluster } = run.ctx;
  const uid = state.observed.get(keyOf(ref))?.metadata.uid;
  await cluster.delete(ref, { uid });
  await waitFor(
    run,
    {
      deadlineMs: 60_000,
      intervalMs: 200,
      what: `${keyOf(ref)} to be deleted`,
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
