import { onceFulfilled } from '../../core/once.ts';
import { createEcr } from './ecr.ts';
import { createIam } from './iam.ts';
import type { AwsPort, CallerIdentity, KeyPair } from './port.ts';
import { createSecrets } from './secrets.ts';
import { type AwsOptions, createSession, type AwsSession } from './session.ts';

export type { AskMfaCode } from './credentials.ts';
export type { AwsOptions } from './session.ts';

/**
 * AWS through its SDK. Each service's client is loaded on first use. Credentials come from the sources of the
 * SDK's default chain. The SDK itself honors AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>.
 */
export function createAws(options: AwsOptions): AwsPort {
  return withKey(options);
}

function withKey(options: AwsOptions, pair?: KeyPair): AwsPort {
  const session = createSession(options, pair);
  return {
    region: options.region,
    identity: onceFulfilled(() => readIdentity(session)),
    iam: createIam(session),
    ecr: createEcr(session),
    secrets: createSecrets(session),
    as: (other) => withKey(options, other),
  };
}

/** Reads the caller's identity from STS, which requires no permission. */
export async function readIdentity({ call, settings, options }: AwsSession): Promise<CallerIdentity> {
  return call('sts:GetCallerIdentity', 'identify the AWS caller', async () => {
    const { STS } = await import('@aws-sdk/client-sts');
    const { Arn: arn, Account: accountId, $metadata } = await new STS(settings).getCallerIdentity({});
    if (!arn || !accountId) throw Object.assign(new Error('the response contains no caller'), { $metadata });
    return { arn, accountId, partition: arn.split(':')[1] ?? 'aws', region: options.region };
  });
}
