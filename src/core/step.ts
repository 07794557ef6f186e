import type { z } from 'zod';
import type { BootstrapError } from './errors.ts';
import type { Finding } from './findings.ts';
import type { Group, Topic } from './groups.ts';
import type {
  changeSchema,
  fieldSchema,
  memberFailureSchema,
  outcomeSchema,
  summarySchema,
} from './schemas.ts';

/** What a step needs to connect to. Preflight checks only the needs of the selected steps. */
export type Need = 'aws' | 'cluster' | 'sources' | 'docker';

/** One field that differs. `from` is missing when the field does not exist, `to` when the change removes it. */
export type Field = z.infer<typeof fieldSchema>;

/** The placeholder in a plan for a value that exists only after the change. */
export const knownAfterApply = '(known after apply)';

/** One planned change of a step, as plain data that is printable and comparable. */
export type Change = z.infer<typeof changeSchema>;

/**
 * A change with the data that `apply` needs. The payload is never printed, because it may contain secrets and
 * objects of any size. It is an object, so that the payloads of several changes of one target can be merged. If
 * several of them set a field, the first value stays.
 */
export interface ChangeWith<Payload extends object> extends Change {
  readonly payload: Payload;
}

/** Details of a resource that has one of the configured names and is not managed by ecr-bootstrap. */
export type Adoption = NonNullable<Change['adopts']>;

/** A resource before and after a change, as `--diff` shows it: only compared fields, and no secrets. */
export interface Preview {
  readonly format: 'yaml' | 'json';
  /** Missing if the change creates the resource. */
  readonly before?: object;
  readonly after: object;
}

export interface Diff<C extends Change = Change> {
  readonly changes: readonly C[];
  readonly findings: readonly Finding[];
}

/** The result of one change. A failure that is tolerable is that of one member: see {@link MemberFailure}. */
export type Outcome<C extends Change = Change> = OutcomeOf<z.infer<typeof outcomeSchema>, C>;

type OutcomeOf<Printed, C extends Change> = Printed extends { readonly result: 'failed' }
  ? Printed & { readonly change: C; readonly error: BootstrapError }
  : Printed & { readonly change: C };

/**
 * One member of a set (a namespace, an image) that could not be completed. The other members and the later
 * steps still run. The run then ends with exit code 1 and repeats each failure.
 */
export interface MemberFailure extends z.infer<typeof memberFailureSchema> {
  /** Its hint is the fix for this member. */
  readonly error: BootstrapError;
}

/**
 * Resolves when everything is ready, or with the members that are not. Rejects only if the later steps cannot
 * run.
 */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- most steps have no members to report
export type Readiness = Promise<readonly MemberFailure[] | void>;

/** The run as a step sees it while it applies changes. */
export interface Run<Ctx> {
  readonly ctx: Ctx;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** The plan is empty, so there was no consent and there is no lease. The run may only read. */
  readonly isReadOnly?: boolean;
}

/** A permission that a step needs in the cluster, as a rule of a ClusterRole. */
export interface ClusterRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Restricts the rule to objects with these names. */
  readonly resourceNames?: readonly string[];
}

/** What `down` deletes in AWS, in addition to everything in the cluster. Each field has a flag. */
export interface RemovalScope {
  /** Access keys, users and policies. */
  readonly identities: boolean;
  readonly images: boolean;
  readonly secrets: boolean;
}

/** The completed run on which the next steps depend. */
export interface CompletedRun<C extends Change> {
  /** The changes of this step in the plan. */
  readonly changes: readonly C[];
  /** The IDs of all steps of the run. */
  readonly steps: ReadonlySet<string>;
}

/** What a step keeps working, in a few words: "9 repositories". */
export type Summary = z.infer<typeof summarySchema>;

/**
 * One part of the product. The same list of steps serves `up`, its dry run, `status`, `render` and `down`.
 * `State` is the observed state. Absence (a kind that is not served, a missing namespace, a key that does not
 * exist yet) is a state, never an error. `C` is the type of the changes: {@link ChangeWith} a payload if
 * `apply` needs more than the printed fields.
 */
export interface Step<State, Ctx, C extends Change = Change> {
  readonly id: string;
  /** A short title for users: "IAM user for pulling images". */
  readonly title: string;
  /** What the step is about: the part of a screen that shows it. */
  readonly group: Group;
  /** The line of a plan that shows the changes, if the group has several. */
  readonly topic?: Topic;
  /** What a plan calls that which the step creates, if its group does not say it: "External Secrets Operator v0.12.1". */
  subject?(ctx: Ctx): string;
  readonly needs: readonly Need[];
  /** Preflight checks these permissions, and `policy cluster` prints them. */
  readonly rights?: readonly ClusterRule[];
  /** `policy cluster` prints these permissions too. Without them, the step reports what it could not read. */
  readonly optionalRights?: readonly ClusterRule[];
  /** Permissions for `remove`, in addition to reading and deleting the objects of {@link Step.rights}. */
  readonly removalRights?: readonly ClusterRule[];
  /**
   * Reads may be older than the step's own writes. After a change, the step is observed until the change is
   * visible.
   */
  readonly readsLag?: boolean;
  /** Reads only. */
  observe(ctx: Ctx): Promise<State>;
  /** Pure. Returns the differences from the desired state, and findings. */
  diff(state: State, ctx: Ctx): Diff<C>;
  /**
   * Adds to a plan what `apply` does not need and people want to know: sizes, and changes that will follow from those of
   * other steps. Reads only.
   * @param planned the changes of all steps
   */
  estimate?(changes: readonly C[], ctx: Ctx, planned: readonly Change[]): Promise<readonly C[]>;
  /** Undefined if the change is not shown as a diff. */
  preview?(change: C, state: State): Preview | undefined;
  /** Applies the changes. Throws only errors that end the run at once. A failed change is an outcome. */
  apply(changes: readonly C[], state: State, run: Run<Ctx>): Promise<readonly Outcome[]>;
  /**
   * Waits until the step's resources are ready. Runs even when nothing changed, so it must be quick if they are
   * ready.
   */
  ready?(state: State, run: Run<Ctx>): Readiness;
  /** The findings that `status` reports in addition to drift. */
  health?(state: State, ctx: Ctx): Promise<readonly Finding[]>;
  /** What `status` shows about a healthy step. */
  summary?(state: State, ctx: Ctx): Summary | undefined;
  /** The Kubernetes objects that `up` applies, without secrets. */
  render?(ctx: Ctx): Promise<readonly object[]>;
  /**
   * What `down` reads instead of {@link observe} if that depends on settings. Resources of earlier runs are
   * found by their name and label, independent of the current settings.
   */
  observeRemoval?(ctx: Ctx): Promise<State>;
  /** The resources in AWS that {@link remove} deletes. A step without this field changes only the cluster. */
  readonly removesFromAws?: readonly (keyof RemovalScope)[];
  /** Returns what `down` deletes, with findings for what it keeps. Reads any further state that this needs. */
  remove?(state: State, ctx: Ctx, scope: RemovalScope): Diff<C> | Promise<Diff<C>>;
  /** Waits until the resources that `down` deletes are gone. Runs even if an earlier run deleted them. */
  removed?(run: Run<Ctx>): Readiness;
  /** The next steps for the user after a completed run, one line each. Reads only. */
  nextSteps?(ctx: Ctx, run: CompletedRun<C>): Promise<readonly string[]>;
}

/** A step with any state and payload: the type for lists of steps. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- State is both argument and result, so only `any` accepts every step
export type AnyStep<Ctx> = Step<any, Ctx>;

/** Progress of long work. `total` is missing while it is unknown. */
export interface Progress {
  /** Does not change during the work: `images`, `docker.io/library/nginx:1.27`. */
  readonly id: string;
  readonly label: string;
  readonly done: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
  /** The number of blobs in flight, if known. */
  readonly active?: number;
  /** The members of the work, if known: images that are complete, and all of them. */
  readonly members?: { readonly done: number; readonly total: number };
}

/** Something that happens during a run, as plain data that reporters show. */
export type Event =
  | {
      readonly type: 'step-started';
      readonly step: string;
      readonly title: string;
      /** The number of planned changes. */
      readonly changes: number;
    }
  | {
      readonly type: 'step-done';
      readonly step: string;
      readonly title: string;
      /** The number of changes that were made, by action. */
      readonly made: Readonly<Partial<Record<Change['action'], number>>>;
      readonly milliseconds: number;
    }
  | { readonly type: 'change-found'; readonly step: string; readonly change: Change }
  /** A deletion or revocation was shown in the plan and is no longer needed. */
  | { readonly type: 'no-longer-needed'; readonly step: string; readonly change: Change }
  | { readonly type: 'change-started'; readonly step: string; readonly change: Change }
  | { readonly type: 'change-done'; readonly step: string; readonly outcome: Outcome }
  /** A member did not become ready. A failed change is a `change-done` event instead. */
  | { readonly type: 'member-failed'; readonly step: string; readonly failure: MemberFailure }
  | { readonly type: 'waiting'; readonly step: string; readonly what: string; readonly seconds: number }
  | { readonly type: 'finding'; readonly step: string; readonly finding: Finding }
  | { readonly type: 'progress'; readonly step: string; readonly progress: Progress }
  /** An image was mirrored, or failed. */
  | {
      readonly type: 'image-done';
      readonly step: string;
      readonly source: string;
      /** `copied`, `current`, … as in the results of `mirror`. */
      readonly state: string;
      readonly bytesSent: number;
      readonly seconds: number;
      readonly error?: BootstrapError;
    }
  | { readonly type: 'note'; readonly step: string; readonly text: string }
  /** A detail for `-v`. */
  | { readonly type: 'detail'; readonly step: string; readonly text: string };

type WithoutStep<E> = E extends unknown ? Omit<E, 'step'> : never;

/** Reports an event of a step. The runner adds the step's name. */
export type Emit = (event: WithoutStep<Event>) => void;
