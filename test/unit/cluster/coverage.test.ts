import { afterEach, expect, it } from 'vitest';
import type { Finding } from '../../../src/core/findings.ts';
import { pullSecretDistribution } from '../../../src/steps/pull-secret-distribution.ts';
import { pullSecretRefresh } from '../../../src/steps/pull-secret-refresh.ts';
import { applyStep, planStep } from '../../contract/step-contract.ts';
import type { OperatorWorld, WorldOptions } from '../steps/operator-world.ts';
import { startWithOperator } from '../steps/rotation-world.ts';

let world: OperatorWorld;

afterEach(() => world.close());

async function start(
  options: WorldOptions = {},
  prepare = (_: OperatorWorld): void => undefined,
): Promise<void> {
  world = await startWithOperator(options);
  prepare(world);
  await applyStep(pullSecretRefresh, world);
  await applyStep(pullSecretDistribution, world);
}

async function health(): Promise<readonly Finding[]> {
  const ctx = world.context();
  return (await pullSecretDistribution.health?.(await pullSecretDistribution.observe(ctx), ctx)) ?? [];
}

const secretIn = (namespace: string) => world.inside.get('Secret', 'puller', namespace);

it('gives each namespace a pull secret from the operator, with the expiration time of its token', async () => {
  await start();
  expect(secretIn('shop')).toMatchObject({
    type: 'kubernetes.io/dockerconfigjson',
    metadata: {
      labels: { 'reconcile.external-secrets.io/managed': 'true' },
      annotations: { 'ecr-bootstrap.dev/expires-at': expect.stringMatching(/^\d+$/) as string },
    },
  });
  const findings = await health();
  expect(findings.map(({ code }) => code)).toEqual(findings.map(() => 'ok'));
  expect(findings.map(({ target }) => target.name)).toContain('shop/puller');
});

it('ignores namespaces that opt out by label or configuration, and lists them', async () => {
  await start({ settings: { namespaces: { exclude: ['mon*'] } } }, ({ inside }) => {
    const labels = { 'ecr-bootstrap.dev/ignore': 'true' };
    inside.put({ kind: 'Namespace', metadata: { name: 'quiet', labels } });
  });
  expect([secretIn('monitoring'), secretIn('quiet')]).toEqual([undefined, undefined]);
  const ignored = (await health()).filter(({ code }) => code === 'namespace-ignored');
  expect(ignored.map(({ target }) => target.name)).toEqual(['monitoring', 'quiet']);
});

it('never lets the operator overwrite an unmanaged Secret of that name', async () => {
  const data = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') };
  await start({}, ({ inside }) => {
    const metadata = { name: 'puller', namespace: 'shop' };
    inside.put({ kind: 'Secret', metadata, type: 'kubernetes.io/dockerconfigjson', data });
  });
  expect(secretIn('shop')).toMatchObject({ data });
  const { changes, findings } = await planStep(pullSecretDistribution, world);
  expect(changes).toEqual([]);
  expect(findings).toMatchObject([
    { code: 'pull-secret-unmanaged', level: 'failed', target: { name: 'shop/puller' } },
  ]);
});

it('reports a namespace without a pull secret', async () => {
  await start();
  world.inside.delete('ClusterExternalSecret', 'puller');
  world.inside.put({ kind: 'Namespace', metadata: { name: 'late' } });
  expect(await health()).toContainEqual(
    expect.objectContaining({ code: 'namespace-uncovered', target: { kind: 'Namespace', name: 'late' } }),
  );
});
