import type { Config } from '../config/schema.ts';
import { BootstrapError } from '../core/errors.ts';

/**
 * Ends the run if the credentials or the registry belong to an account other than `aws.accountId`.
 * @param why how the other account was found
 * @throws BootstrapError `account-mismatch`
 */
export function refuseOtherAccount({ aws }: Config, found: string, why: string): void {
  const wanted = aws.accountId;
  if (wanted === undefined || wanted === found) return;
  throw new BootstrapError({
    code: 'account-mismatch',
    what: `could not use account ${wanted}`,
    why,
    hint: 'Use other credentials (--profile, AWS_PROFILE), or correct --account-id or aws.accountId.',
  });
}
