import { unlessAborted } from '../core/abort.ts';
import { BootstrapError } from '../core/errors.ts';
import { type ChangedRepositories, updateLists } from '../mirror/warnings/update.ts';
import type { Context } from '../steps/context.ts';
import type { Session } from './session.ts';

/** How long a copy waits for the cluster at its end, which it may not need otherwise. */
const answerTimeoutMs = 3000;
const updateTimeoutMs = 10_000;

/** Updates the lists of images in the cluster after images were copied or deleted. */
type ListUpdate = (changed: ChangedRepositories) => Promise<void>;

/**
 * Asks the cluster for an answer at once, so that it has come when the copy is done. A cluster that cannot be reached is a
 * note, and never an error; without a kubeconfig there is none.
 * @param step for the note
 */
export function prepareListUpdate({ reporter, signal }: Session, ctx: Context, step: string): ListUpdate {
  if (ctx.config.images.warnings === 'off') return () => Promise.resolve();
  const reached = ctx.cluster.info();
  // It is awaited only after the copy.
  reached.catch(() => undefined);
  return async (changed) => {
    if (signal.aborted) return;
    try {
      await within(answerTimeoutMs, reached);
      await within(updateTimeoutMs, updateLists(changed, ctx));
    } catch (error) {
      if (error instanceof BootstrapError && error.code === 'cluster-unconfigured') return;
      if (!(error instanceof BootstrapError) && !isTimeout(error)) throw error;
      const why = error instanceof BootstrapError ? error.why : 'it does not answer in time';
      reporter.event({
        type: 'note',
        step,
        text: `The list of images in the cluster was not updated (${why}); later, run ecr-bootstrap up --only image-warnings.`,
      });
    }
  };
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

/** @throws the reason of AbortSignal.timeout, a TimeoutError */
const within = <T>(limitMs: number, work: Promise<T>): Promise<T> =>
  unlessAborted(AbortSignal.timeout(limitMs), () => work);
