import { afterEach, expect, it } from 'vitest';
import { pullSecretBootstrap } from '../../../../src/steps/pull-secret-bootstrap.ts';
import { registration } from '../../../../src/steps/registration.ts';
import { applyStep, namesIn, planStep } from '../../../contract/step-contract.ts';
import { cutOff } from '../../../support/cut-off.ts';
import { registrationOf, watchRegistration } from '../../../support/registrations.ts';
import { OperatorWorld } from '../operator-world.ts';

let world: OperatorWorld;
afterEach(() => world.close());

const watched = () => ({ cluster: world.inside, faults: world.sandbox.faults, aws: world.sandbox.aws });
const tag = (): string | undefined => registrationOf(watched());
const keySecret = () => world.inside.get('Secret', 'image-puller', 'external-secrets');
const keyId = async (): Promise<string> => (await world.aws.iam.accessKeys('image-puller'))[0]?.id ?? '';
const idSecret = () => {
  const secret = world.sandbox.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID');
  if (!secret) throw new Error('no secret');
  return secret;
};
const unregister = (): void => {
  for (const name of idSecret().tags.keys())
    if (name.startsWith('ecr-bootstrap:cluster/')) idSecret().tags.delete(name);
};

it('registers the cluster as unverified before it writes the access key', async () => {
  world = await OperatorWorld.start();
  const unregistered = watchRegistration(watched());
  const { changes } = await planStep(pullSecretBootstrap, world);
  expect(changes[0]).toMatchObject({
    action: 'create',
    target: { kind: 'cluster registration' },
    fields: [{ path: 'key', to: await keyId() }],
  });
  await applyStep(pullSecretBootstrap, world);
  expect(unregistered).toEqual([]);
  expect(keySecret()).toBeDefined();
  expect(tag()?.split(' ')[0]).toBe(`${await keyId()}:first`);
  expect((await planStep(pullSecretBootstrap, world)).changes).toEqual([]);
});

it('plans the registration before an access key exists', async () => {
  world = await OperatorWorld.start({ keyStored: false });
  const { changes } = await planStep(pullSecretBootstrap, world);
  expect(changes[0]).toMatchObject({
    action: 'create',
    fields: [{ path: 'key', to: '(known after apply)' }],
  });
});

it('never leaves a cluster with an access key unregistered when the first run is interrupted', async () => {
  for (let write = 1, ended = false; !ended; write += 1) {
    world = await OperatorWorld.start({ fast: true });
    const unregistered = watchRegistration(watched());
    const repair = cutOff(world.sandbox.faults, write, 'lost');
    ended = await applyStep(pullSecretBootstrap, world).then(
      () => true,
      () => false,
    );
    repair();
    if (keySecret()) expect(tag(), `cut off at write ${write}`).toBeDefined();
    expect(unregistered).toEqual([]);
    expect(write).toBeLessThan(20);
    if (!ended) await world.close();
  }
});

it('waits until AWS shows the registration before it writes the access key', async () => {
  world = await OperatorWorld.start({ fast: true });
  const { aws, faults } = world.sandbox;
  aws.lags.plan({ service: 'secretsmanager', milliseconds: 10_000 });
  let readBefore: Promise<string[]> | undefined;
  faults.onCall(({ operation, resource }) => {
    if (operation === 'patch secrets' && resource === 'external-secrets/image-puller')
      readBefore ??= world.aws.secrets
        .describe(idSecret().name)
        .then((info) => Object.keys(info?.tags ?? {}));
  });
  await applyStep(pullSecretBootstrap, world);
  expect(await readBefore).toContainEqual(expect.stringMatching(/^ecr-bootstrap:cluster\//));
});

it('verifies the registration in its own step, without another sync for the first key', async () => {
  world = await OperatorWorld.start();
  await applyStep(pullSecretBootstrap, world);
  const { changes } = await planStep(registration, world);
  expect(changes).toMatchObject([
    { action: 'update', fields: [{ path: 'verified', from: false, to: true }] },
  ]);
  expect(changes[0]?.reason).toContain(`access key ${await keyId()}`);
  await applyStep(registration, world);
  expect(tag()?.split(' ')[0]).toBe(await keyId());
  expect((await planStep(registration, world)).changes).toEqual([]);
});

it('records a new key as unverified before it writes the key into the cluster', async () => {
  world = await OperatorWorld.start();
  await applyStep(pullSecretBootstrap, world);
  await applyStep(registration, world);
  await world.rotateKey();
  const unregistered = watchRegistration(watched());
  await applyStep(pullSecretBootstrap, world);
  expect(unregistered).toEqual([]);
  expect(tag()?.split(' ')[0]).toBe(`${await keyId()}:unverified`);
});

it('registers a cluster that has the access key and is not registered', async () => {
  world = await OperatorWorld.start();
  await applyStep(pullSecretBootstrap, world);
  unregister();
  const { changes } = await planStep(pullSecretBootstrap, world);
  expect(changes).toMatchObject([
    { action: 'create', reason: 'the cluster holds an access key and is not registered' },
  ]);
  await applyStep(pullSecretBootstrap, world);
  // Its namespaces may have tokens of an earlier key.
  expect(tag()?.split(' ')[0]).toBe(`${await keyId()}:unverified`);
});

it('keeps the recorded version until up has configured the cluster', async () => {
  world = await OperatorWorld.start();
  await applyStep(pullSecretBootstrap, world);
  for (const [name, value] of idSecret().tags)
    if (name.startsWith('ecr-bootstrap:cluster/')) idSecret().tags.set(name, value.replace(/\S+$/, '0.0'));
  await world.rotateKey();
  await applyStep(pullSecretBootstrap, world);
  expect(tag()).toMatch(/ 0\.0$/);
});

it('does not write the access key when AWS denies the registration', async () => {
  world = await OperatorWorld.start();
  world.sandbox.faults.plan({ kind: 'deny', operation: 'TagResource' });
  await expect(applyStep(pullSecretBootstrap, world)).rejects.toMatchObject({
    code: 'aws-denied',
    what: 'could not register this cluster, so the access key is not written into it',
    hint: expect.stringContaining('secretsmanager:TagResource') as string,
  });
  expect(keySecret()).toBeUndefined();
  expect(world.inside.get('Namespace', 'external-secrets')).toBeUndefined();
});

it('does not write the access key when the secret has no room for a tag, and names the oldest registration', async () => {
  world = await OperatorWorld.start();
  const { tags } = idSecret();
  tags.set('ecr-bootstrap:cluster/old', 'AKIA 2020-01-31T00:00:00.000Z gone 0.1');
  for (let index = tags.size; index < 50; index += 1) tags.set(`team-${index}`, 'x');
  await expect(applyStep(pullSecretBootstrap, world)).rejects.toMatchObject({
    why: expect.stringContaining('AWS allows 50 tags') as string,
    hint: expect.stringContaining('--tag-keys ecr-bootstrap:cluster/old') as string,
  });
  expect(keySecret()).toBeUndefined();
  expect(namesIn((await planStep(pullSecretBootstrap, world)).changes)).toContain(
    'Secret external-secrets/image-puller',
  );
});
