import { imagePullerKey } from '../../../../src/steps/image-puller-key.ts';
import { policyDocument } from '../../../../src/iam/policies/documents.ts';
import { awsTags } from '../../../../src/iam/tags.ts';
import { applyStep, namesIn, planStep } from '../../../contract/step-contract.ts';
import { AwsWorld } from '../../../support/aws.ts';

export const names = {
  id: 'image-puller-AWS_ACCESS_KEY_ID',
  secret: 'image-puller-AWS_SECRET_ACCESS_KEY',
  region: 'image-puller-REGION',
} as const;

/** An account with the image puller's user, as its step creates it, without a key. */
export async function withUser(settings: object = {}): Promise<AwsWorld> {
  const world = await AwsWorld.start(settings);
  const { identities } = world.sandbox.aws;
  const account = { partition: 'aws', accountId: world.sandbox.account, region: world.sandbox.region };
  const document = JSON.stringify(policyDocument('image-puller', world.config, account));
  const policy = identities.addPolicy(account.accountId, 'ecr-bootstrap-image-puller', '/', document);
  const user = identities.addUser('image-puller');
  for (const [key, value] of Object.entries(awsTags(world.config))) user.tags.set(key, value);
  user.attached.add(policy.arn);
  identities.settle();
  return world;
}

/** An account in which the key is created and stored. */
export async function withKey(settings: object = {}): Promise<AwsWorld> {
  const world = await withUser(settings);
  await applyStep(imagePullerKey, world);
  return world;
}

export const plan = (world: AwsWorld) => planStep(imagePullerKey, world);

export const planned = async (world: AwsWorld): Promise<string[]> => namesIn((await plan(world)).changes);

export const up = (world: AwsWorld): Promise<void> => applyStep(imagePullerKey, world);

export function keysOf({ sandbox }: AwsWorld, user = 'image-puller') {
  return [...sandbox.aws.identities.keys.values()].filter((key) => key.user.name === user);
}

export function userOf({ sandbox }: AwsWorld) {
  const user = sandbox.aws.identities.users.get('image-puller');
  if (!user) throw new Error('no image-puller');
  return user;
}

export function secretOf({ sandbox }: AwsWorld, name: string) {
  const secret = sandbox.aws.secrets.get(name);
  if (!secret) throw new Error(`no secret ${name}`);
  return secret;
}

/** The current value of a secret. */
export function valueOf(world: AwsWorld, name: string): string | undefined {
  const secret = secretOf(world, name);
  return secret.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value;
}

/** The IDs of the current versions of the three secrets. */
export const currentVersions = (world: AwsWorld): (string | undefined)[] =>
  Object.values(names).map((name) => secretOf(world, name).holderOf('AWSCURRENT'));
