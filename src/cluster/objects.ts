import { adopting, managedBy, managedByLabel, unknownOwner } from '../core/ownership.ts';
import { compare, compareAdopted } from './compare.ts';
import { isManagedBy, refOf, targetOf } from '../clients/kubernetes/names.ts';
import type { ClusterPort, KubeObject, ObjectRef } from '../clients/kubernetes/port.ts';
import type { Change, Diff, Field, Outcome } from '../core/step.ts';
import { inOrder, nameOf } from '../core/members.ts';
import { waitFor } from '../core/wait.ts';
import type { ClusterRun } from './context.ts';

/** The Kubernetes objects that a step keeps, and what the cluster has of them. */
export interface ObjectsState {
  /** In the order in which they are to be applied; each carries our label. */
  readonly wanted: readonly KubeObject[];
  /** What earlier settings left behind: deleted when it is there and ours. */
  readonly unwanted: readonly ObjectRef[];
  /** By {@link keyOf}. Absent: not there, or its namespace or kind is not. */
  readonly observed: ReadonlyMap<string, KubeObject>;
}

/** The object with our label, which {@link diffObjects} knows it by. */
export function owned<T extends KubeObject>(object: T): T {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, labels: { ...metadata.labels, ...managedBy } } };
}

/** The object with these annotations; none is the same as before. */
export function annotated<T extends KubeObject>(object: T, added: Readonly<Record<string, string>>): T {
  if (Object.keys(added).length === 0) return object;
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...added } } };
}

/** It is being deleted, and something keeps it by a finalizer. */
export const isHeld = ({ metadata: { deletionTimestamp, finalizers = [] } }: KubeObject): boolean =>
  deletionTimestamp !== undefined && finalizers.length > 0;

export const isManaged = (object: KubeObject): boolean => isManagedBy(object, managedBy);

export const keyOf = (ref: ObjectRef): string => nameOf(targetOf(ref));

/** Gets each of them; what is not there is a state. */
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

/** Those of `refs` that are there and managed. All are to be deleted: for `down`, and never for {@link diffObjects}. */
export async function observeManaged(
  cluster: ClusterPort,
  refs: readonly ObjectRef[],
): Promise<ObjectsState> {
  const state = await observeObjects(cluster, [], refs);
  return { ...state, observed: new Map([...state.observed].filter(([, object]) => isManaged(object))) };
}

/** Has these, which were found by their label, among what is to be deleted. */
export const withFound = (state: ObjectsState, found: readonly KubeObject[]): ObjectsState => ({
  ...state,
  unwanted: [...state.unwanted, ...found.map(refOf)],
  observed: new Map([...state.observed, ...found.map((object) => [keyOf(refOf(object)), object] as const)]),
});

/** What has to be done so that the cluster has the wanted objects, which includes adopting those that are not ours. */
export function diffObjects(state: ObjectsState): Diff {
  const changes = state.wanted.flatMap((object) =>
    changesFor(object, state.observed.get(keyOf(refOf(object)))),
  );
  return { changes: [...changes, ...deletions(state.unwanted, state)], findings: [] };
}

/** What `down` deletes: all of ours, the last applied first. */
export function removeObjects(state: ObjectsState): Diff {
  const refs = [...state.unwanted, ...state.wanted.map(refOf)].reverse();
  return { changes: deletions(refs, state), findings: [] };
}

/** Carries changes of {@link diffObjects} out, in the plan's order, by server-side apply. */
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

/** A namespace holds more than what is ours, so what people set on it stays. */
const isShared = ({ kind }: KubeObject): boolean => kind === 'Namespace';

/** Fields that the API server never lets change, by kind. */
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

/** Deletes exactly the object that was seen and waits until it is gone. */
export async function deleteObserved(ref: ObjectRef, state: ObjectsState, run: ClusterRun): Promise<void> {
  const { cluster } = run.ctx;
  const uid = state.observed.get(keyOf(ref))?.metadata.uid;
  await cluster.delete(ref, { uid });
  await waitFor(
    run,
    {
      deadlineMs: 60_000,
      intervalMs: 200,
      what: `${keyOf(ref)} to be gone`,
      hint: 'Deal with what holds it, and run the same command again.',
    },
    async (pending) => {
      const left = await cluster.get(ref);
      if (!left || left.metadata.uid !== uid) return true;
      return pending(`finalizers: ${left.metadata.finalizers?.join(', ') ?? 'none'}`);
    },
  );
}

/** Who keeps a Kubernetes object, by the label that tools put there. */
export const ownerOf = ({ metadata }: KubeObject): string =>
  metadata.labels?.[managedByLabel] ?? unknownOwner;
