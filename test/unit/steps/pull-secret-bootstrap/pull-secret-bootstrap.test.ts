import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../sandbox/cluster/index.ts';
import { Secret } from '../../../../src/core/secret.ts';
import { operator } from '../../../../src/steps/operator.ts';
import { secretNames } from '../../../../src/iam/names.ts';
import { pullSecretDistribution } from '../../../../src/steps/pull-secret-distribution.ts';
import { pullSecretRefresh } from '../../../../src/steps/pull-secret-refresh.ts';
import { pullSecretBootstrap } from '../../../../src/steps/pull-secret-bootstrap.ts';
import { clusterOnly, applyStep, namesIn, planStep, runOf } from '../../../contract/step-contract.ts';
import { OperatorWorld, type WorldOptions } from '../operator-world.ts';

const namespace = 'external-secrets';
const open: OperatorWorld[] = [];
const start = async (options?: WorldOptions): Promise<OperatorWorld> => {
  const world = await OperatorWorld.start(options);
  open.push(world);
  return world;
};
const seeded = async (): Promise<OperatorWorld> => {
  const world = await start();
  await applyStep(pullSecretBootstrap, world);
  return world;
};

/** Starts a world in which the operator renews the pull secret in every namespace. */
const rotating = async (): Promise<OperatorWorld> => {
  const world = await (await start()).prepare();
  for (const step of [operator, pullSecretRefresh, pullSecretDistribution]) await applyStep(step, world);
  return world;
};

afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.close()));
});

type SecretObject = KubeObject & { type: string; data: Record<string, string> };

function secretIn(world: OperatorWorld, name: string, where = namespace): SecretObject {
  const secret = world.inside.get('Secret', name, where);
  if (secret === undefined) throw new Error(`no Secret ${where}/${name}`);
  return secret as SecretObject;
}

const decoded = (secret: SecretObject, key: string): string =>
  Buffer.from(secret.data[key] ?? '', 'base64').toString();

/** The names in the plan. */
const planned = async (world: OperatorWorld): Promise<string[]> =>
  namesIn((await planStep(pullSecretBootstrap, world)).changes);

describe('a cluster that is set up for another project or region', () => {
  it.each([
    ['project', 'other', '--project other --region eu-west-1'],
    [
      'registry-host',
      '123456789012.dkr.ecr.us-east-1.amazonaws.com',
      '--project myproject --region us-east-1',
    ],
  ])('is reported before the first change and before a removal, by its %s', async (note, value, flags) => {
    const world = await seeded();
    const home = world.inside.get('Namespace', namespace);
    if (!home) throw new Error('no namespace');
    const annotations = { ...home.metadata.annotations, [`ecr-bootstrap.dev/${note}`]: value };
    world.inside.put({ ...home, metadata: { ...home.metadata, annotations } });
    const ctx = world.context();
    const state = await pullSecretBootstrap.observe(ctx);
    for (const { changes, findings } of [
      pullSecretBootstrap.diff(state, ctx),
      (await pullSecretBootstrap.remove?.(state, ctx, clusterOnly)) ?? { changes: [], findings: [] },
    ]) {
      expect(changes).toEqual([]);
      expect(findings).toMatchObject([{ code: 'setup-differs', blocking: true }]);
      expect(findings[0]?.hint).toContain(`ecr-bootstrap down ${flags}`);
    }
  });

  it('is not reported after down, which removes the annotations of a kept namespace', async () => {
    const world = await seeded();
    world.inside.put({ kind: 'ConfigMap', metadata: { name: 'theirs', namespace } });
    const ctx = world.context();
    const state = await pullSecretBootstrap.observe(ctx);
    const { changes } = (await pullSecretBootstrap.remove?.(state, ctx, clusterOnly)) ?? { changes: [] };
    expect(await pullSecretBootstrap.apply(changes, state, runOf(ctx))).toMatchObject(
      changes.map(() => ({ result: 'done' })),
    );
    expect(world.inside.get('Namespace', namespace)?.metadata).toMatchObject({
      labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' },
      annotations: {},
    });
  });
});

describe('the step pull-secret-bootstrap', () => {
  it('creates a Docker config for the registry with the expiration time of its token', async () => {
    const world = await seeded();
    const puller = secretIn(world, 'puller');
    expect(puller.type).toBe('kubernetes.io/dockerconfigjson');
    const { auths } = JSON.parse(decoded(puller, '.dockerconfigjson')) as { auths: object };
    expect(Object.keys(auths)).toEqual([world.sandbox.registryHost]);
    const end = decoded(puller, 'expires_at');
    expect(puller.metadata.annotations).toMatchObject({ 'ecr-bootstrap.dev/expires-at': end });
    expect(Number(end) * 1000 - world.sandbox.clock.now()).toBeGreaterThan(11 * 3_600_000);
  });

  it('plans the pull secret before an access key exists, and cannot create it without one', async () => {
    const world = await start({ keyStored: false });
    const { changes, findings } = await planStep(pullSecretBootstrap, world);
    expect(namesIn(changes)).toContain('Secret external-secrets/puller');
    expect(findings).toEqual([]);
    await expect(applyStep(pullSecretBootstrap, world)).rejects.toMatchObject({ code: 'key-unverified' });
  });

  it('does not change a Secret that the operator renewed', async () => {
    const world = await rotating();
    world.sandbox.clock.advance(2 * 3_600_000);
    await world.inside.settled();
    expect(secretIn(world, 'puller').metadata.labels).toMatchObject({
      'reconcile.external-secrets.io/managed': 'true',
    });
    expect(await planned(world)).toEqual([]);
  });

  it('replaces a managed Secret that has another type, because the type is immutable', async () => {
    const world = await seeded();
    const { data: _, ...puller } = secretIn(world, 'puller');
    world.inside.put({ ...puller, type: 'Opaque' });
    const { changes } = await planStep(pullSecretBootstrap, world);
    expect(changes).toMatchObject([{ action: 'replace', target: { name: 'external-secrets/puller' } }]);
    await applyStep(pullSecretBootstrap, world);
    expect(secretIn(world, 'puller').type).toBe('kubernetes.io/dockerconfigjson');
  });

  const config = (host: string, login: unknown) => JSON.stringify({ auths: { [host]: login } });
  it.each<[string, (host: string) => string]>([
    ['has a password that is not a token', (host) => config(host, { auth: btoa('AWS:corrupted') })],
    ['has an empty password', (host) => config(host, { auth: btoa('AWS:') })],
    ['has a line break in its password', (host) => config(host, { auth: btoa('AWS:a\nb') })],
    ['has auth that is not base64', (host) => config(host, { auth: '%' })],
    ['has another user', (host) => config(host, { username: 'me', password: 'mine' })],
    ['has a number for auth', (host) => config(host, { auth: 12 })],
    ['has a number for the password', (host) => config(host, { username: 'AWS', password: 12 })],
    ['has null for the registry', (host) => config(host, null)],
    ['is for another registry', () => config('ghcr.io', { auth: btoa('me:mine') })],
    ['has null for all logins', () => '{"auths":null}'],
    ['is the document null', () => 'null'],
  ])('replaces the token of a Secret that %s', async (_, corrupted) => {
    const world = await seeded();
    const puller = secretIn(world, 'puller');
    const content = Buffer.from(corrupted(world.sandbox.registryHost)).toString('base64');
    world.inside.put({ ...puller, data: { ...puller.data, '.dockerconfigjson': content } });
    expect(await planned(world)).toEqual(['Secret external-secrets/puller: data[".dockerconfigjson"]']);
    await applyStep(pullSecretBootstrap, world);
    expect(secretIn(world, 'puller').data['.dockerconfigjson']).not.toBe(content);
    expect(await planned(world)).toEqual([]);
  });

  it('changes an unmanaged Secret of that name only by adopting it', async () => {
    const world = await start();
    world.inside.put({ kind: 'Namespace', metadata: { name: namespace } });
    world.inside.put({ kind: 'Secret', metadata: { name: 'puller', namespace } });
    const { changes } = await planStep(pullSecretBootstrap, world);
    expect(changes.find(({ target }) => target.name === 'external-secrets/puller')).toMatchObject({
      action: 'replace',
      adopts: { owner: 'unknown' },
    });
  });

  it('does not overwrite a Secret that another ExternalSecret owns', async () => {
    const world = await start();
    world.inside.put({ kind: 'Namespace', metadata: { name: namespace } });
    const owner = {
      apiVersion: 'external-secrets.io/v1beta1',
      kind: 'ExternalSecret',
      name: 'ecr',
      uid: 'x',
    };
    world.inside.put({ kind: 'Secret', metadata: { name: 'puller', namespace, ownerReferences: [owner] } });
    const { findings } = await planStep(pullSecretBootstrap, world);
    expect(findings).toMatchObject([{ code: 'pull-secret-unmanaged', blocking: true }]);
    expect(findings[0]?.hint).toContain('kubectl delete externalsecret -n external-secrets ecr');
  });

  it('uses a Secret that the ExternalSecret of the same name owns', async () => {
    const world = await start();
    world.inside.put({ kind: 'Namespace', metadata: { name: namespace } });
    const apiVersion = 'external-secrets.io/v1beta1';
    const owner = { apiVersion, kind: 'ExternalSecret', name: 'puller', uid: 'x' };
    world.inside.put({ kind: 'Secret', metadata: { name: 'puller', namespace, ownerReferences: [owner] } });
    expect((await planStep(pullSecretBootstrap, world)).findings).toEqual([]);
  });

  it('uses an unmanaged namespace, and does not delete it', async () => {
    const world = await start();
    world.inside.put({ kind: 'Namespace', metadata: { name: namespace } });
    await applyStep(pullSecretBootstrap, world);
    const ctx = world.context();
    const removed = await pullSecretBootstrap.remove?.(
      await pullSecretBootstrap.observe(ctx),
      ctx,
      clusterOnly,
    );
    expect(namesIn(removed?.changes ?? [])).toEqual([
      'Secret external-secrets/image-puller',
      'Secret external-secrets/puller',
    ]);
  });

  it('reports a stored pair whose values do not match, and keeps the working Secrets', async () => {
    const world = await seeded();
    const { secret } = secretNames(world.config);
    const value = new Secret(randomUUID());
    await world.aws.secrets.put(secret, value, { token: randomUUID(), stages: ['AWSCURRENT'] });
    const { changes, findings } = await planStep(pullSecretBootstrap, world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'key-pair-mismatch' }]);
    world.inside.delete('Secret', 'image-puller', namespace);
    expect((await planned(world)).filter((name) => name.startsWith('Secret'))).toEqual([
      'Secret external-secrets/image-puller',
    ]);
  });

  it('writes no key into a cluster that could not be registered', async () => {
    const world = await start();
    world.sandbox.faults.plan({ kind: 'deny', service: 'secretsmanager', operation: 'TagResource' });
    const ctx = world.context();
    const state = await pullSecretBootstrap.observe(ctx);
    const { changes } = pullSecretBootstrap.diff(state, ctx);
    const [registered, ...others] = await pullSecretBootstrap.apply(changes, state, runOf(ctx));
    expect(registered).toMatchObject({ result: 'failed', error: { code: 'aws-denied' } });
    expect(others.map(({ result }) => result)).toEqual(others.map(() => 'skipped'));
    expect(world.inside.get('Secret', 'image-puller', namespace)).toBeUndefined();
  });

  it('reports the token as unknown and changes nothing while the registry is unreachable', async () => {
    const world = await seeded();
    world.sandbox.hosts.delete(world.sandbox.registryHost);
    const { changes, findings } = await planStep(pullSecretBootstrap, world);
    expect(changes).toEqual([]);
    expect(findings).toMatchObject([{ code: 'token-unknown', level: 'unknown' }]);
  });

  it('syncs every level when the key changed', async () => {
    const world = await rotating();
    const before = secretIn(world, 'puller', 'shop').data;
    await world.rotateKey();
    await applyStep(pullSecretBootstrap, world);
    const [source, copy] = [secretIn(world, 'puller'), secretIn(world, 'puller', 'shop')];
    expect(copy.data).not.toEqual(before);
    expect(copy.data).toEqual(source.data);
    expect(await planned(world)).toEqual([]);
  });

  it('prints neither key nor token in its plan or its YAML', async () => {
    const world = await seeded();
    const token = decoded(secretIn(world, 'puller'), '.dockerconfigjson');
    const key = decoded(secretIn(world, 'image-puller'), 'AWS_SECRET_ACCESS_KEY');
    world.sandbox.clock.advance(13 * 3_600_000);
    await world.rotateKey();
    const rendered = await pullSecretBootstrap.render?.(world.context());
    const shown = inspect([await planStep(pullSecretBootstrap, world), rendered], { depth: null });
    const shownAsJson = JSON.stringify([await planStep(pullSecretBootstrap, world), rendered]);
    for (const text of [shown, shownAsJson]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain(key);
      expect(text).not.toContain(Buffer.from(key).toString('base64'));
      expect(text).not.toContain(decoded(secretIn(world, 'image-puller'), 'AWS_SECRET_ACCESS_KEY'));
    }
  });
});
