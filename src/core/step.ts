import type { BootstrapError } from './errors.ts';
import type { Finding } from './findings.ts';
import type { Secret } from './secret.ts';
import type { Target } from './target.ts';

/** What a step has to reach. Preflight asks only for the needs of the selected steps. */
export type Need = 'aws' | 'cluster' | 'sources' | 'docker';

export type Value =
  | string
  | number
  | boolean
  | null
  | undefined
  | Secret
  | readonly Value[]
  | { readonly [key: string]: Value };

/** One field that differs. `from` is missing when the field is not there, `to` when it is to go. */
export interface Field {
  readonly path: string;
  readonly from?: Value;
  readonly to?: Value;
}

/** Stands in a plan for a value that only the change itself brings about. */
export const knownAfterApply = '(known after apply)';

/** One change that a step would make: plain data, printable and comparable. */
export interface Change {
  readonly action: 'create' | 'update' | 'replace' | 'delete';
  readonly target: Target;
  readonly fields: readonly Field[];
  /** Shown after the target when the fields alone do not explain the change. */
  readonly reason?: string;
  /** The change affects permissions. */
  readonly grants?: boolean;
  /** The change ends access, as a delete does: what was shown of it must happen or be reported. */
  readonly revokes?: boolean;
  /** What to do when not every caller can make this change; otherwise it is `ecr-bootstrap up`. */
  readonly fix?: string;
  /** Cleanup that can wait: when it was not in the plan that was shown, the next run plans it. */
  readonly postponable?: boolean;
  /** The target is unmanaged. The change adopts it, and is applied only with consent. */
  readonly adopts?: Adoption;
}

/**
 * A change with what `apply` needs to make it. The payload is never printed, because it may hold secrets and objects of
 * any size. It is an object: when several changes of one target become one change, their payloads become one object
 * with the fields of all; of a field that several set, the first value stays.
 */
export interface ChangeWith<Payload extends object> extends Change {
  readonly payload: Payload;
}

/** What is known about a resource that has one of the configured names and is not managed by ecr-bootstrap. */
export interface Adoption {
  /** The owner that the resource names: `Helm`. */
  readonly owner: string;
  /** The run does not depend on it: until it is adopted, it is used as it is or left out. */
  readonly optional?: boolean;
}

export interface Diff<C extends Change = Change> {
  readonly changes: readonly C[];
  readonly findings: readonly Finding[];
}

/** The result of one change. */
export type Outcome<C extends Change = Change> =
  | { readonly change: C; readonly result: 'done'; readonly detail?: string }
  | {
      readonly change: C;
      readonly result: 'failed';
      readonly error: BootstrapError;
      /** Only this member of a set failed: the steps that follow can run. See {@link MemberFailure}. */
      readonly tolerable?: boolean;
    }
  | { readonly change: C; readonly result: 'skipped' }
  /** The run ended while the change was in flight: it may have taken effect, or still take effect. */
  | { readonly change: C; readonly result: 'unknown' };

/**
 * One member of a set (a namespace, an image) that could not be finished. The other members and the later steps are
 * still carried out; the run then ends with exit code 1 and repeats each failure.
 */
export interface MemberFailure {
  readonly target: Target;
  /** Its hint is the fix for this member. */
  readonly error: BootstrapError;
}

/** Resolves when everything is ready, or with the members that are not. Throws only what the later steps need. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- most steps have no members to report
export type Readiness = Promise<readonly MemberFailure[] | void>;

/** What a step is given while it changes things. */
export interface Run<Ctx> {
  readonly ctx: Ctx;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** The plan is empty: there was no consent and there is no lease, so the run only looks. */
  readonly looksOnly?: boolean;
}

/** A rule as in a ClusterRole: what a step needs in the cluster. */
export interface ClusterRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only for objects of these names. */
  readonly resourceNames?: readonly string[];
}

/** What `down` deletes in AWS, besides everything in the cluster; each has its flag. */
export interface RemovalScope {
  /** Access keys, users and policies. */
  readonly identities: boolean;
  readonly images: boolean;
  readonly secrets: boolean;
}

/** What the next steps depend on. */
export interface CompletedRun<C extends Change> {
  /** The changes of this step in the plan. */
  readonly changes: readonly C[];
  /** The IDs of all steps of the run. */
  readonly steps: ReadonlySet<string>;
}

/**
 * One part of the product. The same list of steps serves `up`, its dry run, `status`, `render` and `down`.
 * `State` is what the step observed: absence (a kind not served, a namespace missing, a key not yet created) is a
 * state, never an error. `C` is the type of its changes: {@link ChangeWith} a payload where `apply` needs more than
 * what is printed.
 */
export interface Step<State, Ctx, C extends Change = Change> {
  readonly id: string;
  /** A few words for people: "IAM user for pulling images". */
  readonly title: string;
  readonly needs: readonly Need[];
  /** Preflight asks for them, and `policy cluster` prints them. */
  readonly rights?: readonly ClusterRule[];
  /** What `remove` needs in addition to reading and deleting the objects of {@link Step.rights}. */
  readonly removalRights?: readonly ClusterRule[];
  /** What it observes can be older than what it wrote: after a change it is observed until the change shows. */
  readonly readsLag?: boolean;
  /** Reads only. */
  observe(ctx: Ctx): Promise<State>;
  /** Pure: what differs from the wanted state, and what else should be known. */
  diff(state: State, ctx: Ctx): Diff<C>;
  /** Makes the changes. Throws only what ends the run at once; a failed change is an outcome. */
  apply(changes: readonly C[], state: State, run: Run<Ctx>): Promise<readonly Outcome[]>;
  /** Waits until it works; runs also when nothing changed, so it must be quick when all is well. */
  ready?(state: State, run: Run<Ctx>): Readiness;
  /** What `status` says beyond drift. */
  health?(state: State, ctx: Ctx): Promise<readonly Finding[]>;
  /** The Kubernetes objects that `up` applies, without secrets. */
  render?(ctx: Ctx): Promise<readonly object[]>;
  /**
   * What `down` reads instead of {@link observe}, where that depends on settings: what an earlier run created is
   * found by its name and label, whatever the settings are now.
   */
  observeRemoval?(ctx: Ctx): Promise<State>;
  /** The resources in AWS that {@link remove} deletes. A step without them is about the cluster. */
  readonly removesFromAws?: readonly (keyof RemovalScope)[];
  /** What `down` deletes, and as findings what it keeps. Reads what only this question needs. */
  remove?(state: State, ctx: Ctx, scope: RemovalScope): Diff<C> | Promise<Diff<C>>;
  /** Waits until what `down` deleted is gone; runs also when an earlier run deleted it. */
  removed?(run: Run<Ctx>): Readiness;
  /** What is left to do for people after a run that completed, one line each. Reads only. */
  nextSteps?(ctx: Ctx, run: CompletedRun<C>): Promise<readonly string[]>;
}

/** A step with any state and payload: how lists of steps are typed. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- State is both argument and result, so only `any` accepts every step
export type AnyStep<Ctx> = Step<any, Ctx>;

/** Progress of long work. `total` is missing while it is not known. */
export interface Progress {
  /** Stable while the work lasts: `images`, `docker.io/library/nginx:1.27`. */
  readonly id: string;
  readonly label: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
  /** Blobs under way now, where that is known. */
  readonly active?: number;
}

/** What happens during a run, for reporters to show. Plain data. */
export type Event =
  | { readonly type: 'step-started'; readonly step: string; readonly title: string }
  | {
      readonly type: 'step-done';
      readonly step: string;
      readonly changed: number;
      readonly milliseconds: number;
    }
  | { readonly type: 'found-on-the-way'; readonly step: string; readonly change: Change }
  /** A change that was shown and ends access or deletes something, and that there was nothing to do for. */
  | { readonly type: 'no-longer-needed'; readonly step: string; readonly change: Change }
  | { readonly type: 'change-started'; readonly step: string; readonly change: Change }
  | { readonly type: 'change-done'; readonly step: string; readonly outcome: Outcome }
  /** A member did not become ready; a failed change is a `change-done`. */
  | { readonly type: 'member-failed'; readonly step: string; readonly failure: MemberFailure }
  | { readonly type: 'waiting'; readonly step: string; readonly what: string; readonly seconds: number }
  | { readonly type: 'finding'; readonly step: string; readonly finding: Finding }
  | { readonly type: 'progress'; readonly step: string; readonly progress: Progress }
  /** An image was mirrored, or failed. */
  | {
      readonly type: 'image-done';
      readonly step: string;
      readonly source: string;
      /** `copied`, `current`, … as in the mirror's results. */
      readonly state: string;
      readonly bytesSent: number;
      readonly seconds: number;
      readonly error?: BootstrapError;
    }
  | { readonly type: 'note'; readonly step: string; readonly text: string }
  /** A detail for `-v`. */
  | { readonly type: 'detail'; readonly step: string; readonly text: string };

type WithoutStep<E> = E extends unknown ? Omit<E, 'step'> : never;

/** How a step reports events; the runner adds the step's name. */
export type Emit = (event: WithoutStep<Event>) => void;
