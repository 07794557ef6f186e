import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { Finding } from '../../../src/core/findings.ts';
import { pullSecretRefresh } from '../../../src/steps/pull-secret-refresh.ts';
import type { OperatorWorld } from '../steps/operator-world.ts';
import { startWithRotation } from '../steps/rotation-world.ts';

let world: OperatorWorld;

beforeAll(async () => {
  world = await startWithRotation();
});

afterAll(() => world.close());

async function health(): Promise<readonly Finding[]> {
  const ctx = world.context();
  return (await pullSecretRefresh.health?.(await pullSecretRefresh.observe(ctx), ctx)) ?? [];
}

it('reports when the token in the namespace of the operator expires', async () => {
  expect(await health()).toMatchObject([
    { code: 'ok', what: expect.stringContaining('11 h 59 min') as string },
  ]);
});

it('reports a rejected access key with the error of AWS', async () => {
  const [key] = await world.aws.iam.accessKeys('image-puller');
  await world.aws.iam.deleteAccessKey('image-puller', key?.id ?? '');
  world.sandbox.clock.advance(2 * 3_600_000);
  await vi.waitFor(
    async () =>
      expect(await health()).toContainEqual(
        expect.objectContaining({
          code: 'key-rejected',
          target: { kind: 'ExternalSecret', name: 'external-secrets/puller' },
          why: expect.stringContaining('UnrecognizedClientException') as string,
        }),
      ),
    { timeout: 10_000, interval: 100 },
  );
});

it('reports that the pull secret is not renewed while the operator is not running', async () => {
  world.inside.delete('Deployment', 'external-secrets', 'external-secrets');
  await world.inside.settled();
  expect(await health()).toContainEqual(
    expect.objectContaining({
      level: 'failed',
      what: 'the pull secret is not renewed',
      why: expect.stringContaining('which is not running') as string,
      hint: 'Run `ecr-bootstrap up`.',
    }),
  );
});
