import { afterEach, expect, it } from 'vitest';
import { applyPlan, type RunResult } from '../../../../src/core/apply.ts';
import { makePlan } from '../../../../src/core/plan.ts';
import { secretNames } from '../../../../src/iam/names.ts';
import { recordTag } from '../../../../src/access-key/registration/records.ts';
import { forcedRotationSteps } from '../../../../src/access-key/rotation/forced.ts';
import { rotationSteps } from '../../../../src/access-key/rotation/index.ts';
import type { OperatorWorld } from '../../steps/operator-world.ts';
import { startWithRotation } from '../../steps/rotation-world.ts';

/** In milliseconds, because each test starts the operator. */
const slow = { timeout: 120_000 };

let world: OperatorWorld;

afterEach(() => world.close());

/** The operator never writes a Secret that another ExternalSecret owns. */
function refuseCopyIn(namespace: string): void {
  const { inside } = world;
  const spec = { secretStoreRef: { name: 'nowhere' }, data: [] };
  inside.put({ kind: 'ExternalSecret', metadata: { name: 'rival', namespace }, spec });
  const uid = inside.get('ExternalSecret', 'rival', namespace)?.metadata.uid ?? '';
  const copy = inside.get('Secret', 'puller', namespace);
  if (!copy) throw new Error(`no copy in ${namespace}`);
  const owner = { apiVersion: 'external-secrets.io/v1beta1', kind: 'ExternalSecret', name: 'rival', uid };
  inside.put({ ...copy, metadata: { ...copy.metadata, ownerReferences: [{ ...owner, controller: true }] } });
}

/** A webhook for the namespace is unreachable, which may be temporary. */
function delayCopyIn(namespace: string): void {
  world.inside.put({
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'guard' },
    webhooks: [
      {
        name: 'guard.team.example',
        clientConfig: { service: { name: 'absent', namespace } },
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        rules: [{ apiGroups: [''], operations: ['UPDATE'], resources: ['secrets'] }],
      },
    ],
  });
}

async function rotate(force: boolean): Promise<RunResult> {
  const ctx = world.context();
  return applyPlan(await makePlan(force ? forcedRotationSteps() : rotationSteps(), ctx), {
    ctx,
    fresh: (one) => one.fresh(),
    signal: new AbortController().signal,
    emit: () => undefined,
  });
}

const late = { code: 'not-ready', what: 'timed out waiting for ClusterExternalSecret puller to sync' };

it('keeps the old key while a namespace has no token of the new one', slow, async () => {
  world = await startWithRotation({ fast: true });
  const [old] = await world.aws.iam.accessKeys('image-puller');
  delayCopyIn('shop');
  expect(await rotate(false)).toMatchObject({ error: late });
  expect(await world.aws.iam.accessKeys('image-puller')).toMatchObject([old, { active: true }]);
});

it(
  'disables the old key although a namespace rejects a new token, and reports that namespace',
  slow,
  async () => {
    world = await startWithRotation({ fast: true });
    const [old] = await world.aws.iam.accessKeys('image-puller');
    refuseCopyIn('shop');
    const { steps, error } = await rotate(false);
    expect(error).toBeUndefined();
    expect(steps.flatMap(({ failures }) => failures)).toMatchObject([
      { target: { kind: 'Namespace', name: 'shop' }, error: { code: 'not-ready' } },
    ]);
    expect(await world.aws.iam.accessKeys('image-puller')).toMatchObject([
      { id: old?.id, active: false },
      { active: true },
    ]);
  },
);

it('deletes a leaked key even if a namespace has no new token, and fails afterwards', slow, async () => {
  world = await startWithRotation({ fast: true });
  const [leaked] = await world.aws.iam.accessKeys('image-puller');
  delayCopyIn('shop');
  expect(await rotate(true)).toMatchObject({ error: late });
  const left = await world.aws.iam.accessKeys('image-puller');
  expect(left).toMatchObject([{ active: true }]);
  expect(left[0]?.id).not.toBe(leaked?.id);
});

it(
  'treats the new key of an unfinished rotation as leaked too, because the old key could read it',
  slow,
  async () => {
    world = await startWithRotation({ fast: true });
    const [old] = await world.aws.iam.accessKeys('image-puller');
    const other = recordTag({ id: 'other', keyId: old?.id ?? '', name: 'other', version: '0.1' }, 0);
    await world.aws.secrets.tag(secretNames(world.config).id, other);
    await rotate(false);
    const [, second] = await world.aws.iam.accessKeys('image-puller');
    const { error } = await rotate(true);
    expect(error).toBeUndefined();
    const left = await world.aws.iam.accessKeys('image-puller');
    expect(left).toMatchObject([{ active: true }]);
    expect([old?.id, second?.id]).not.toContain(left[0]?.id);
  },
);
