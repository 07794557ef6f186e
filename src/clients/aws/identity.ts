import type { Identity } from './port.ts';
import type { Session } from './session.ts';

/** Asks STS who calls; AWS allows that to everybody whose credentials are valid. */
export async function readIdentity({ call, settings, options }: Session): Promise<Identity> {
  return call('sts:GetCallerIdentity', 'identify the AWS caller', async () => {
    const { STS } = await import('@aws-sdk/client-sts');
    const { Arn: arn, Account: accountId, $metadata } = await new STS(settings).getCallerIdentity({});
    if (!arn || !accountId) throw Object.assign(new Error('the answer names no caller'), { $metadata });
    return { arn, accountId, partition: arn.split(':')[1] ?? 'aws', region: options.region };
  });
}
