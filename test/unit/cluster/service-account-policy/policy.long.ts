import { afterEach, describe, expect, it } from 'vitest';
import type { Event } from '../../../../src/core/step.ts';
import type { Context } from '../../../../src/steps/context.ts';
import { serviceAccountPolicy } from '../../../../src/steps/service-account-policy.ts';
import { applyStep, planStep, runOf } from '../../../contract/step-contract.ts';
import { edit } from '../../steps/edit.ts';
import { OperatorWorld } from '../../steps/operator-world.ts';

let world: OperatorWorld;

afterEach(() => world.close());

const name = 'ecr-bootstrap-pull-secret';
const policy = () => world.inside.get('MutatingAdmissionPolicy', name);

interface Spec {
  readonly matchConditions: readonly { name: string; expression: string }[];
}

it('adds the pull secret to new service accounts', async () => {
  world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' } });
  await applyStep(serviceAccountPolicy, world);
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'new', namespace: 'shop' } };
  const created = await world.context().cluster.create(account);
  expect(created['imagePullSecrets']).toEqual([{ name: 'puller' }]);
});

it('does not change service accounts in its dry runs', async () => {
  world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' } });
  const before = world.inside.list('ServiceAccount').map(({ metadata }) => metadata.resourceVersion);
  await applyStep(serviceAccountPolicy, world);
  expect(world.inside.list('ServiceAccount').map(({ metadata }) => metadata.resourceVersion)).toEqual(before);
});

it('writes the configured exclusions into the policy as regular expressions', async () => {
  world = await OperatorWorld.start({
    cluster: { admissionPolicies: 'v1' },
    settings: { namespaces: { exclude: ['kube-*'] }, serviceAccounts: { exclude: ['shop/ci-?'] } },
  });
  await applyStep(serviceAccountPolicy, world);
  const { matchConditions } = (policy() as unknown as { spec: Spec }).spec;
  const conditions = new Map(matchConditions.map((condition) => [condition.name, condition.expression]));
  expect(conditions.get('namespace-is-covered')).toContain('"^kube-[^/]*$"');
  expect(conditions.get('service-account-is-covered')).toContain('"^shop/ci-[^/]$"');
});

it('deletes the policy when serviceAccounts.policy is off', async () => {
  world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' } });
  await applyStep(serviceAccountPolicy, world);
  const off = {
    ...world.config,
    serviceAccounts: { ...world.config.serviceAccounts, policy: 'off' as const },
  };
  const context = (): Context => Object.create(world.context(), { config: { value: off } }) as Context;
  const { changes } = await planStep(serviceAccountPolicy, { context, close: () => world.close() });
  expect(changes.map(({ action, target }) => `${action} ${target.kind}`)).toEqual([
    'delete MutatingAdmissionPolicyBinding',
    'delete MutatingAdmissionPolicy',
  ]);
});

it('warns when the cluster does not serve MutatingAdmissionPolicy', async () => {
  world = await OperatorWorld.start();
  const { changes, findings } = await planStep(serviceAccountPolicy, world);
  expect(changes).toEqual([]);
  expect(findings).toMatchObject([{ code: 'policy-unavailable', level: 'warning' }]);
});

describe('a policy that fails the dry run', () => {
  it('is deleted at once and reported', async () => {
    world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' } });
    await applyStep(serviceAccountPolicy, world);
    edit(world, ['MutatingAdmissionPolicy', name], (object) => {
      const expression = '[JSONPatch{op: "add", path: "/x", value: Object.imagePullSecrets{name: "puller"}}]';
      return {
        ...object,
        spec: { ...(object['spec'] as object), mutations: [{ jsonPatch: { expression } }] },
      };
    });
    const ctx = world.context();
    const events: unknown[] = [];
    const emit = (event: unknown): void => void events.push(event);
    await serviceAccountPolicy.ready?.(await serviceAccountPolicy.observe(ctx), { ...runOf(ctx), emit });
    expect([policy(), world.inside.get('MutatingAdmissionPolicyBinding', name)]).toEqual([
      undefined,
      undefined,
    ]);
    const findings = events.filter((event) => (event as Event).type === 'finding');
    expect(findings).toMatchObject([{ finding: { code: 'policy-unverified' } }]);
  });
});

describe('a policy that cannot be verified because the cluster is unreachable', () => {
  it('is deleted and fails the run, and the next run creates it again', async () => {
    world = await OperatorWorld.start({ cluster: { admissionPolicies: 'v1' }, fast: true });
    const { faults } = world.sandbox;
    const restore = faults.plan({
      kind: 'reset',
      service: 'kubernetes',
      operation: 'create serviceaccounts',
    });
    await expect(applyStep(serviceAccountPolicy, world)).rejects.toMatchObject({
      code: 'cluster-unreachable',
    });
    expect(restore()).toBeGreaterThan(0);
    expect(policy()).toBeUndefined();
    await applyStep(serviceAccountPolicy, world);
    expect(policy()).toBeDefined();
  });
});
