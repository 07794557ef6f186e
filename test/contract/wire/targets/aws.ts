import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { sts, type SigningKey } from '../request.ts';
import { sendTo } from '../send.ts';
import type { Target } from '../target.ts';
import { Belongings } from './aws-belongings.ts';
import { logIn } from './ecr-login.ts';

export interface AwsOptions {
  /** The account to use. Credentials of any other account are rejected before the first case. */
  readonly account: string;
  readonly region: string;
  readonly key: SigningKey;
  readonly dispatcher: Dispatcher;
  /** Milliseconds until a new user, key or policy has propagated. */
  readonly lag: number;
}

/** @throws Error unless an account and a region are given, so that no run uses AWS by accident */
export async function awsOptions(env: NodeJS.ProcessEnv = process.env): Promise<AwsOptions> {
  const { CONTRACT_AWS_ACCOUNT: account = '', AWS_REGION: region = '' } = env;
  if (!/^\d{12}$/.test(account) || region === '') {
    throw new Error('set CONTRACT_AWS_ACCOUNT to the id of an account for tests, and AWS_REGION');
  }
  const key = await fromNodeProviderChain()();
  return { account, region, key, dispatcher: new EnvHttpProxyAgent(), lag: 30_000 };
}

/** AWS itself. Everything that the cases create is deleted at the end. */
export async function startAws({ account, region, key, dispatcher, lag }: AwsOptions): Promise<Target> {
  const at = (host: string) => ({ url: `https://${host}`, owner: { key } });
  const belongings = new Belongings();
  const base: Target = {
    account,
    region,
    dispatcher,
    lag,
    sent: (request, reply) => belongings.note(request, reply),
    endpoints: {
      sts: at(`sts.${region}.amazonaws.com`),
      iam: at('iam.amazonaws.com'),
      ecr: at(`api.ecr.${region}.amazonaws.com`),
      secretsmanager: at(`secretsmanager.${region}.amazonaws.com`),
    },
    close: async () => {
      await belongings.remove(base);
      await dispatcher.close();
    },
  };
  const { status, body, text } = await sendTo(base, sts('GetCallerIdentity'));
  if (status !== 200) throw new Error(`AWS does not know the caller: HTTP ${status} ${text}`);
  const { Account: found } = (body as { GetCallerIdentityResult: { Account: string } })
    .GetCallerIdentityResult;
  if (found !== account) {
    throw new Error(
      `the credentials are of account ${found}, and CONTRACT_AWS_ACCOUNT allows ${account} only`,
    );
  }
  return logIn(`https://${account}.dkr.ecr.${region}.amazonaws.com`, base);
}
