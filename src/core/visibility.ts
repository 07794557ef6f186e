import type { Clock } from './clock.ts';
import { BootstrapError } from './errors.ts';
import { nameOf } from './target.ts';
import type { AnyStep, Change, MemberFailure, Run } from './step.ts';
import { waitFor } from './wait.ts';

/** Milliseconds within which reads must show the changes of this run. */
const deadlineMs = 180_000;
const intervalMs = 2000;

/**
 * Waits until a new observation of a step shows its changes. Reads of AWS can be older than writes, and the
 * later steps and the next run make their plans from what they read.
 * @param fresh returns a context without cached reads
 * @returns the changes that were still not visible at the deadline
 */
export async function waitUntilVisible<Ctx extends { readonly clock: Clock }>(
  step: AnyStep<Ctx>,
  made: readonly Change[],
  run: Run<Ctx>,
  fresh: () => Ctx,
): Promise<MemberFailure[]> {
  let hidden = made;
  const wait = {
    what: 'AWS to show the changes',
    hint: 'Run the same command again.',
    deadlineMs,
    intervalMs,
  };
  try {
    await waitFor(run, wait, async (pending) => {
      const ctx = fresh();
      const { changes } = step.diff(await step.observe(ctx), ctx);
      hidden = made.filter((change) => changes.some((left) => isSame(left, change)));
      const [first] = hidden;
      return first === undefined ? true : pending(`${nameOf(first.target)} has not changed yet`);
    });
    return [];
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'not-ready') throw error;
    return hidden.map((change) => ({ target: change.target, error: notVisible(change, error) }));
  }
}

/** Whether a planned change equals one that was already applied. */
function isSame(left: Change, made: Change): boolean {
  if (nameOf(left.target) !== nameOf(made.target)) return false;
  if ((left.action === 'delete') !== (made.action === 'delete')) return false;
  const paths = new Set(made.fields.map(({ path }) => path));
  return left.action !== 'update' || paths.size === 0 || left.fields.some(({ path }) => paths.has(path));
}

const notVisible = ({ action, target }: Change, { why, hint }: BootstrapError): BootstrapError =>
  new BootstrapError({
    code: 'not-ready',
    what: `could not verify a change: ${action} ${nameOf(target)}`,
    why,
    hint,
  });
