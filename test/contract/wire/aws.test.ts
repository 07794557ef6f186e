import { ProxyAgent } from 'undici';
import { expect, it } from 'vitest';
import { startWorld } from '../../../sandbox/world.ts';
import { ecr, iam, secrets, type WireRequest } from './request.ts';
import { sendTo } from './send.ts';
import { awsOptions, startAws, type AwsOptions } from './targets/aws.ts';

/** Puts the sandbox in the place of AWS, under the same host names. */
async function pretend(account = '123456789012') {
  const world = await startWorld();
  const dispatcher = new ProxyAgent({ uri: world.proxyUrl, requestTls: { ca: world.caPem } });
  const options: AwsOptions = { account, region: world.region, key: world.admin, dispatcher, lag: 0 };
  return { world, options };
}

it('a run on AWS removes everything that its cases created there', async () => {
  const { world, options } = await pretend();
  const before = [...world.aws.identities.users.keys()];
  const target = await startAws(options);
  const [UserName, PolicyName] = ['contract', 'contract'];
  const PolicyArn = `arn:aws:iam::${world.account}:policy/contract`;
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  const made: readonly WireRequest[] = [
    iam('CreateUser', { UserName }),
    iam('CreateAccessKey', { UserName }),
    iam('PutUserPolicy', { UserName, PolicyName, PolicyDocument }),
    iam('CreatePolicy', { PolicyName, PolicyDocument }),
    iam('CreatePolicyVersion', { PolicyArn, PolicyDocument, SetAsDefault: 'true' }),
    iam('AttachUserPolicy', { UserName, PolicyArn }),
    ecr('CreateRepository', { repositoryName: 'contract/one' }),
    secrets('CreateSecret', { Name: 'contract', SecretString: 'x' }),
    secrets('DeleteSecret', { SecretId: 'contract', RecoveryWindowInDays: 30 }),
  ];
  for (const request of made) expect(await sendTo(target, request)).toMatchObject({ status: 200 });
  await target.close();

  const { identities, registry } = world.aws;
  expect([...identities.users.keys()]).toEqual(before);
  expect(identities.policies.has(PolicyArn)).toBe(false);
  expect([...registry.repositories.keys()]).toEqual([]);
  expect(world.aws.secrets.all()).toEqual([]);
  await world.close();
});

it('a run on AWS rejects credentials of an account other than the given one', async () => {
  const { world, options } = await pretend('999999999999');
  await expect(startAws(options)).rejects.toThrow(/account 123456789012.*allows 999999999999 only/);
  await options.dispatcher.close();
  await world.close();
});

it('a run sends nothing to AWS unless an account is given', async () => {
  await expect(awsOptions({ AWS_REGION: 'eu-west-1' })).rejects.toThrow(/CONTRACT_AWS_ACCOUNT/);
});
