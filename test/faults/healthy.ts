import { expect } from 'vitest';
import type { Cli } from '../support/cli.ts';

/** Expects the final state after an interrupted run and a complete one. */
export async function expectHealthy(cli: Cli, { rotated = false } = {}): Promise<void> {
  const { world } = cli;
  const user = world.aws.identities.users.get('image-puller');
  const keys = [...world.aws.identities.keys.values()].filter((key) => key.user === user);
  const active = keys.filter((key) => key.active);
  expect(active, 'one active key').toHaveLength(1);
  // A rotation keeps the old key, disabled, for as long as its tokens may be valid.
  expect(keys.length, 'no stranded key').toBeLessThanOrEqual(rotated ? 2 : 1);
  expect(user?.tags.has('ecr-bootstrap:creating'), 'no tag of an unfinished key').toBe(false);

  const secret = world.cluster.get('Secret', 'image-puller', 'external-secrets') as
    { data?: Record<string, string> } | undefined;
  const stored = Buffer.from(secret?.data?.['AWS_ACCESS_KEY_ID'] ?? '', 'base64').toString();
  expect(stored, 'the cluster has the key').toBe(active[0]?.id);

  const again = await cli.json('up --dry-run --exit-code');
  const { error, plan } = again.document as { error?: unknown; plan?: { steps: { changes: unknown[] }[] } };
  const changes = plan?.steps.flatMap((step) => step.changes);
  expect({ code: again.code, error, changes }, 'the second plan is empty').toEqual({ code: 0, changes: [] });
}
