import type { AnyStep, Change, Run, Step } from '../core/step.ts';
import type { ExternalSecretsContext } from '../external-secrets/context.ts';

/** The services that steps for the image puller's access key need. */
export interface AccessKeyContext extends ExternalSecretsContext {
  /**
   * Whether an observation may log in with the stored access key to verify it. Only `up` and `rotate` may: AWS records
   * each use, so read-only commands and removals rely on IAM's list.
   */
  readonly usesKey: boolean;
  /** @param change what differs in the new context */
  fresh(change?: Partial<Pick<AccessKeyContext, 'usesKey'>>): AccessKeyContext;
}

export type AccessKeyRun = Run<AccessKeyContext>;

/** A step of a rotation. */
export type RotationStep<State, C extends Change = Change> = Step<State, AccessKeyContext, C>;
export type AnyRotationStep = AnyStep<AccessKeyContext>;
