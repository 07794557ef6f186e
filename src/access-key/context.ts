import type { AnyStep, Change, Run, Step } from '../core/step.ts';
import type { ExternalSecretsContext } from '../external-secrets/context.ts';

/** What work on the image puller's access key needs. */
export interface AccessKeyContext extends ExternalSecretsContext {
  /**
   * Whether observing may log in with the stored access key to judge it. Only a run of `up` or `rotate` may: AWS records
   * each use, so commands that only look, and removals, judge the key by IAM's list.
   */
  readonly usesKey: boolean;
  /** @param change what differs in the new context */
  fresh(change?: Partial<Pick<AccessKeyContext, 'usesKey'>>): AccessKeyContext;
}

export type AccessKeyRun = Run<AccessKeyContext>;

/** A step of a rotation. */
export type RotationStep<State, C extends Change = Change> = Step<State, AccessKeyContext, C>;
export type AnyRotationStep = AnyStep<AccessKeyContext>;
