import { onAbort } from '../core/abort.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Session } from './session.ts';

/** Runs work, and says at once what happens when Ctrl-C is pressed meanwhile. */
export async function announcingStop<T>(
  { signal, reporter }: Pick<Session, 'signal' | 'reporter'>,
  whatStops: string,
  work: () => Promise<T>,
): Promise<T> {
  const announce = (): void => {
    const { reason } = signal as { readonly reason: unknown };
    if (!(reason instanceof BootstrapError) || reason.code !== 'interrupted') return;
    reporter.event({ type: 'note', step: '', text: `${whatStops} (press Ctrl-C again to stop now).` });
  };
  const removeListener = onAbort(signal, announce);
  try {
    return await work();
  } finally {
    removeListener();
  }
}
