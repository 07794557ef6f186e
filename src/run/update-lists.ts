import { unlessAborted } from '../core/abort.ts';
import { BootstrapError } from '../core/errors.ts';
import type { MirrorResult } from '../mirror/engine.ts';
import { updateLists } from '../mirror/warnings/update.ts';
import type { RunContext } from './context.ts';
import type { Session } from './session.ts';

/** How long a copy waits for the cluster at its end, which it does not need otherwise. */
const answerTimeoutMs = 3000;
const updateTimeoutMs = 10_000;

/** Updates the lists of images in the cluster after a copy. */
export type ListUpdate = (results: readonly MirrorResult[]) => Promise<void>;

/**
 * Asks the cluster for an answer at once, so that it has come when the copy is done. A cluster that cannot be reached is a
 * note, and never an error; without a kubeconfig there is none.
 */
export function prepareListUpdate({ reporter, signal }: Session, ctx: RunContext): ListUpdate {
  if (ctx.config.images.warnings === 'off') return () => Promise.resolve();
  const reached = ctx.cluster.info();
  // It is awaited only after the copy.
  reached.catch(() => undefined);
  return async (results) => {
    if (signal.aborted || results.every(({ error }) => error)) return;
    try {
      await within(answerTimeoutMs, reached);
      await within(updateTimeoutMs, updateLists(results, ctx));
    } catch (error) {
      if (error instanceof BootstrapError && error.code === 'cluster-unconfigured') return;
      if (!(error instanceof BootstrapError) && !isTimeout(error)) throw error;
      const why = error instanceof BootstrapError ? error.why : 'it does not answer in time';
      reporter.event({
        type: 'note',
        step: 'mirror',
        text: `The list of images in the cluster was not updated (${why}); later, run ecr-bootstrap up --only image-warnings.`,
      });
    }
  };
}

const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError';

/** @throws the reason of AbortSignal.timeout, a TimeoutError */
const within = <T>(limitMs: number, work: Promise<T>): Promise<T> =>
  unlessAborted(AbortSignal.timeout(limitMs), () => work);
