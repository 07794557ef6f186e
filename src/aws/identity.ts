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
