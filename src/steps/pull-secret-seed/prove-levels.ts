import type { Run } from '../context.ts';
import { waitForCopies } from '../pull-secret-namespaces/ready.ts';
import { waitForRenewal } from '../pull-secret-renewal/ready.ts';
import { resync } from './resync.ts';

/** Each level is synced after the one that it is made from, so that what the last one holds is of the key that the first has. */
export async function proveEveryLevel(run: Run): Promise<void> {
  await waitForRenewal(run);
  await resync(run, (error) => {
    throw error;
  });
  await waitForCopies(run);
}
