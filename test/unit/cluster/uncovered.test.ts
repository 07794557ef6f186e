import { afterEach, expect, it } from 'vitest';
import { serviceAccounts } from '../../../src/steps/service-accounts.ts';
import { withoutCopies } from '../../../src/cluster/service-accounts/uncovered.ts';
import { applyStep, planStep } from '../../contract/step-contract.ts';
import { OperatorWorld } from '../steps/operator-world.ts';

let world: OperatorWorld;
afterEach(() => world.close());

function addPullSecret(namespace: string): void {
  const labels = { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' };
  world.inside.put({ kind: 'Secret', metadata: { name: 'puller', namespace, labels } });
}

const accounts = withoutCopies(serviceAccounts, 'pull-secret-distribution');

const warnings = async () =>
  (await planStep(accounts, world)).findings.filter(({ code }) => code === 'namespace-uncovered');

it('warns when service accounts would list a pull secret that their namespace does not have', async () => {
  world = await OperatorWorld.start();
  addPullSecret('default');
  const [warning, ...others] = await warnings();
  expect(others).toEqual([]);
  expect(warning).toMatchObject({
    level: 'warning',
    target: { kind: 'step', name: 'pull-secret-distribution' },
  });
  expect(warning?.what).toMatch(/^pull secret puller is missing in .*shop/);
  expect(warning?.what).not.toContain('default');
});

it('does not warn when service accounts already list the pull secret', async () => {
  world = await OperatorWorld.start();
  await applyStep(accounts, world);
  expect(await warnings()).toEqual([]);
});

it('does not warn when every namespace has the pull secret', async () => {
  world = await OperatorWorld.start();
  for (const { metadata } of world.inside.list('Namespace')) addPullSecret(metadata.name);
  expect(await warnings()).toEqual([]);
});
