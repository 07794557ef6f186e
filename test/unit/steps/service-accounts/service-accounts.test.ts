import { afterEach, expect, it } from 'vitest';
import type { Finding } from '../../../../src/core/findings.ts';
import { serviceAccounts } from '../../../../src/steps/service-accounts.ts';
import { applyStep, planStep, runOf } from '../../../contract/step-contract.ts';
import { edit } from '../edit.ts';
import { OperatorWorld } from '../operator-world.ts';

let world: OperatorWorld;

afterEach(() => world.close());

const shop = ['ServiceAccount', 'default', 'shop'] as const;
const pullSecrets = (name: string, namespace: string): unknown =>
  (world.inside.get('ServiceAccount', name, namespace) as { imagePullSecrets?: unknown }).imagePullSecrets;

async function health(): Promise<readonly Finding[]> {
  const ctx = world.context();
  return (await serviceAccounts.health?.(await serviceAccounts.observe(ctx), ctx)) ?? [];
}

it('keeps existing entries and their order', async () => {
  world = await OperatorWorld.start();
  edit(world, shop, (account) => ({ ...account, imagePullSecrets: [{ name: 'theirs' }] }));
  await applyStep(serviceAccounts, world);
  expect(pullSecrets('default', 'shop')).toEqual([{ name: 'theirs' }, { name: 'puller' }]);
});

it('reads the list again after a conflict, and keeps the entries that were added meanwhile', async () => {
  world = await OperatorWorld.start();
  const ctx = world.context();
  const state = await serviceAccounts.observe(ctx);
  const { changes } = serviceAccounts.diff(state, ctx);
  edit(world, shop, (account) => ({ ...account, imagePullSecrets: [{ name: 'quick' }] }));
  world.inside.delete('ServiceAccount', 'default', 'monitoring');
  const outcomes = await serviceAccounts.apply(changes, state, runOf(ctx));
  expect(outcomes.filter(({ result }) => result !== 'done')).toEqual([]);
  expect(pullSecrets('default', 'shop')).toEqual([{ name: 'quick' }, { name: 'puller' }]);
});

it.each(['lost', 'reset', 'error'] as const)(
  'adds the entry once when the response to the patch of a service account fails with the fault %s',
  async (kind) => {
    world = await OperatorWorld.start();
    const ctx = world.context();
    const state = await serviceAccounts.observe(ctx);
    const { changes } = serviceAccounts.diff(state, ctx);
    const operation = 'patch serviceaccounts';
    const fault = { kind, service: 'kubernetes', operation, resource: 'shop/default', to: 1 } as const;
    world.sandbox.faults.plan(fault);
    const outcomes = await serviceAccounts.apply(changes, state, runOf(ctx));
    expect(outcomes.filter(({ result }) => result !== 'done')).toEqual([]);
    expect(pullSecrets('default', 'shop')).toEqual([{ name: 'puller' }]);
  },
);

it('ignores namespaces and service accounts that opt out, and lists them', async () => {
  world = await OperatorWorld.start({
    settings: {
      namespaces: { exclude: ['monitoring'] },
      serviceAccounts: { exclude: ['kube-system/core*'] },
    },
  });
  edit(world, shop, ({ metadata, ...rest }) => ({
    ...rest,
    metadata: { ...metadata, labels: { 'ecr-bootstrap.dev/ignore': 'true' } },
  }));
  await applyStep(serviceAccounts, world);
  expect(pullSecrets('default', 'shop')).toBeUndefined();
  expect(pullSecrets('coredns', 'kube-system')).toBeUndefined();
  expect(pullSecrets('default', 'monitoring')).toBeUndefined();
  expect(pullSecrets('kube-proxy', 'kube-system')).toEqual([{ name: 'puller' }]);
  const ignored = (await health()).filter(({ code }) => code === 'namespace-ignored');
  expect(ignored.map(({ target }) => target.name).sort()).toEqual(['kube-system/coredns', 'shop/default']);
});

it('plans a change for a new service account', async () => {
  world = await OperatorWorld.start();
  await applyStep(serviceAccounts, world);
  world.inside.put({ kind: 'ServiceAccount', metadata: { name: 'new', namespace: 'shop' } });
  const { changes } = await planStep(serviceAccounts, world);
  expect(changes).toMatchObject([{ action: 'update', target: { name: 'shop/new' } }]);
});

it('reports pods that cannot pull with a fix, and pods that list other pull secrets', async () => {
  world = await OperatorWorld.start();
  const host = await world.aws.ecr.registryHost();
  const container = { name: 'app', image: `${host}/myproject/app:1` };
  world.inside.put({
    kind: 'Pod',
    metadata: { name: 'alone', namespace: 'shop' },
    spec: { imagePullSecrets: [{ name: 'theirs' }], nodeName: 'elsewhere', containers: [container] },
    status: {
      phase: 'Pending',
      containerStatuses: [
        {
          ...container,
          restartCount: 0,
          state: { waiting: { reason: 'ErrImagePull', message: 'failed to pull: 401 Unauthorized' } },
        },
      ],
    },
  });
  const found = (await health()).filter(({ target }) => target.name === 'shop/alone');
  expect(found).toMatchObject([
    { code: 'pull-failing', hint: expect.stringContaining('ecr-bootstrap why pod/alone -n shop') as string },
    { code: 'pod-pull-secrets', level: 'warning' },
  ]);
});
