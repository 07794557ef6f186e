import { expect } from 'vitest';
import type { Cluster } from '../../sandbox/cluster/index.ts';
import type { World } from '../../sandbox/world.ts';
import type { Cli } from '../support/cli.ts';
import { nodesOf } from '../support/remaining.ts';

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

  for (const [node, found] of Object.entries(keysOnNodes(world.cluster, world.aws)))
    expect(found, `the keys of the tokens on ${node}`).toEqual([active[0]?.id]);

  const again = await cli.json('up --dry-run --exit-code');
  const { error, plan } = again.document as { error?: unknown; plan?: { steps: { changes: unknown[] }[] } };
  const changes = plan?.steps.flatMap((step) => step.changes);
  expect({ code: again.code, error, changes }, 'the second plan is empty').toEqual({ code: 0, changes: [] });
}

/**
 * By node, the access keys of the tokens with which it pulls, and `none` for a node that does not pull images of
 * Docker Hub from ECR.
 */
export function keysOnNodes(cluster: Cluster, { registry }: World['aws']): Record<string, string[]> {
  return Object.fromEntries(
    nodesOf(cluster).map((node) => {
      const { files } = cluster.machine(node);
      const hosts = Object.entries(files).filter(([path]) => path.endsWith('/hosts.toml'));
      const keys = hosts.map(([, text]) => registry.tokens.userOf(tokenIn(text))?.accessKeyId ?? 'invalid');
      const isMirrored = hosts.some(([path]) => path === '/etc/containerd/certs.d/docker.io/hosts.toml');
      return [node, [...new Set(isMirrored ? keys : [...keys, 'none'])]];
    }),
  );
}

function tokenIn(hostsFile: string): string {
  const [, login = ''] = /^Authorization = "Basic (.+)"$/m.exec(hostsFile) ?? [];
  return Buffer.from(login, 'base64').toString().slice('AWS:'.length);
}
