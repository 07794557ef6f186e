import { BootstrapError } from '../../core/errors.ts';
import type { MemberFailure } from '../../core/step.ts';
import type { ExternalSecretsRun } from '../context.ts';
import { earlierPullSecrets } from '../../cluster/earlier-pull-secrets.ts';
import { waitForCopies } from '../copies/ready.ts';
import { waitForRenewal } from '../renewal.ts';
import { renewNodeTokens } from './node-tokens.ts';
import { resync } from './resync.ts';

/**
 * Syncs each level after its source, so that every copy was issued with the current key, also those on nodes. A run
 * without changes verifies only what was synced last.
 * @returns the namespaces that reject a new token until a user fixes them; an old key does not have to be kept for them
 * @throws BootstrapError when a namespace or a node did not get its token in time but still can
 */
export async function verifyEveryLevel(run: ExternalSecretsRun): Promise<readonly MemberFailure[]> {
  await waitForRenewal(run);
  if (!run.isReadOnly) {
    const onTimeout = (error: BootstrapError): never => {
      throw error;
    };
    await resync(run, onTimeout, await earlierPullSecrets(run.ctx));
  }
  const { refused, late } = await waitForCopies(run);
  const [first] = late;
  if (!first) {
    if (!run.isReadOnly) await renewNodeTokens(run);
    return refused;
  }
  const { code, what, why, hint } = first.error;
  const others = late.length > 1 ? `; ${late.length - 1} more namespaces timed out` : '';
  throw new BootstrapError({ code, what, why: `${why}${others}`, hint });
}
