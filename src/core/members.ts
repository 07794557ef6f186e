import pLimit from 'p-limit';
import { BootstrapError, internalError } from './errors.ts';
import type { ErrorCode } from './error-codes.ts';
import type { Change, MemberFailure, Outcome, Run } from './step.ts';
import { nameOf } from './target.ts';

/** Applies one change. Resolves to a detail to print, if any. */
export type ApplyChange<C extends Change> = (change: C) => Promise<unknown>;

/** Applies the changes one after another. The first failure skips the rest. */
export async function inOrder<C extends Change, Ctx>(
  changes: readonly C[],
  run: Run<Ctx>,
  applyChange: ApplyChange<C>,
): Promise<Outcome<C>[]> {
  const outcomes: Outcome<C>[] = [];
  let failed = false;
  for (const change of changes) {
    const outcome: Outcome<C> =
      failed || run.signal.aborted ? { change, result: 'skipped' } : await attempt(change, run, applyChange);
    failed ||= outcome.result === 'failed';
    outcomes.push(outcome);
  }
  return outcomes;
}

/** Applies at most `limit` changes at once. A failure does not stop the others. */
export function inParallel<C extends Change, Ctx>(
  limit: number,
  changes: readonly C[],
  run: Run<Ctx>,
  applyChange: ApplyChange<C>,
): Promise<Outcome<C>[]> {
  return pLimit(limit).map(changes, (change): Outcome<C> | Promise<Outcome<C>> =>
    run.signal.aborted ? { change, result: 'skipped' } : attempt(change, run, applyChange),
  );
}

/** The outcomes of changes that a failure before them prevents. */
export const skipped = <C extends Change>(changes: readonly C[]): Outcome<C>[] =>
  changes.map((change) => ({ change, result: 'skipped' }));

/** Errors that would also fail every other member and every later step. */
const runWideCodes: ReadonlySet<ErrorCode> = new Set([
  'aws-unreachable',
  'credentials-expired',
  'credentials-missing',
  'cluster-unreachable',
  'tls-untrusted',
  'proxy-invalid',
  'lease-lost',
  'interrupted',
  'timeout',
  'bug',
]);

/** Whether an error can be the failure of one member alone, so that the run may continue without it. */
export const isTolerable = ({ code }: BootstrapError): boolean => !runWideCodes.has(code);

/** For changes of members of a set: a failure of one stops neither the others nor the later steps. */
export const tolerating = <C extends Change>(outcomes: readonly Outcome<C>[]): Outcome<C>[] =>
  outcomes.map((outcome) =>
    outcome.result === 'failed' && isTolerable(outcome.error) ? { ...outcome, tolerable: true } : outcome,
  );

async function attempt<C extends Change, Ctx>(
  change: C,
  run: Run<Ctx>,
  applyChange: ApplyChange<C>,
): Promise<Outcome<C>> {
  run.emit({ type: 'change-started', change });
  const outcome = await outcomeOf(change, applyChange);
  run.emit({ type: 'change-done', outcome });
  return outcome;
}

async function outcomeOf<C extends Change>(change: C, applyChange: ApplyChange<C>): Promise<Outcome<C>> {
  try {
    const detail = await applyChange(change);
    return { change, result: 'done', ...(typeof detail === 'string' ? { detail } : {}) };
  } catch (error) {
    return {
      change,
      result: 'failed',
      error: toBootstrapError(error, `could not ${change.action} ${nameOf(change.target)}`),
    };
  }
}

/** Turns anything other than a BootstrapError into the error that reports a bug. */
export function toBootstrapError(thrown: unknown, what: string): BootstrapError {
  return thrown instanceof BootstrapError ? thrown : internalError(thrown, what);
}

/**
 * Images that do not exist at their source count as skipped, not as failed: a retry fails until the name is
 * corrected.
 */
export function splitFailures(failures: readonly MemberFailure[]): {
  readonly missing: readonly MemberFailure[];
  readonly failed: readonly MemberFailure[];
} {
  const isMissing = ({ error }: MemberFailure): boolean => error.code === 'image-missing';
  return { missing: failures.filter(isMissing), failed: failures.filter((one) => !isMissing(one)) };
}

/**
 * Waits until all promises have settled, then returns their results or throws the first error in their order.
 * Use it for writes: with `Promise.all`, other writes would still be in flight while the error is shown and the
 * run ends.
 */
export async function settleAll<T>(work: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
