import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';

/**
 * The guard of `aws.accountId`.
 * @param why what another account was found by
 * @throws BootstrapError `account-mismatch`
 */
export function refuseOtherAccount({ aws }: Config, found: string, why: string): void {
  const wanted = aws.accountId;
  if (wanted === undefined || wanted === found) return;
  throw new BootstrapError({
    code: 'account-mismatch',
    what: `work in account ${wanted}`,
    why,
    hint: 'Use the right credentials (--profile, AWS_PROFILE), or correct --account-id or aws.accountId.',
  });
}
