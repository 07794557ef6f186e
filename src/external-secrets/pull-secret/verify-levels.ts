import { BootstrapError } from '../../core/errors.ts';
import type { MemberFailure } from '../../core/step.ts';
import type { ExternalSecretsRun } from '../context.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { waitForCopies } from '../copies/ready.ts';
import { waitForRenewal } from '../renewal.ts';
import { resync } from './resync.ts';

/**
 * Each level is synced after the one that it is made from, so that what the last one holds is of the key that the
 * first has. A run that only looks takes what was synced last.
 * @returns the namespaces that take no new token until someone changes something there: waiting for them, and keeping
 * an old key for them, would be in vain
 * @throws BootstrapError when a namespace is late that may get its token yet
 */
export async function verifyEveryLevel(run: ExternalSecretsRun): Promise<readonly MemberFailure[]> {
  await waitForRenewal(run);
  if (!run.looksOnly) {
    const late = (error: BootstrapError): never => {
      throw error;
    };
    await resync(run, late, await earlierPullSecrets(run.ctx));
  }
  const { refused, late } = await waitForCopies(run);
  const [first] = late;
  if (!first) return refused;
  const { code, what, why, hint } = first.error;
  const others = late.length > 1 ? `; ${late.length - 1} more namespaces are late` : '';
  throw new BootstrapError({ code, what, why: `${why}${others}`, hint });
}
