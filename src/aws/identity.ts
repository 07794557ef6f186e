import { BootstrapError } from '../errors/index.ts';
import type { Identity } from './port.ts';
import type { Session } from './session.ts';

/** Asks STS who calls; AWS allows that to everybody whose credentials are valid. */
export async function readIdentity({ call, settings, options }: Session): Promise<Identity> {
  const { Arn: arn = '', Account: accountId = '' } = await call(
    'sts:GetCallerIdentity',
    'identify the AWS caller',
    async () => {
      const { STS } = await import('@aws-sdk/client-sts');
      return new STS(settings).getCallerIdentity({});
    },
  );
  return { arn, accountId, partition: arn.split(':')[1] ?? 'aws', region: options.region };
}

/**
 * The guard `aws.accountId`.
 * @throws BootstrapError `account-mismatch`
 */
export function requireAccount(identity: Identity, accountId: string | undefined): void {
  if (!accountId || identity.accountId === accountId) return;
  throw new BootstrapError({
    code: 'account-mismatch',
    what: `use account ${accountId}`,
    why: `the caller ${identity.arn} belongs to account ${identity.accountId}`,
    hint: 'Choose another profile with --profile or AWS_PROFILE, or correct aws.accountId.',
  });
}
