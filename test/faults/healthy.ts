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

  expect(nodesWithout(cli, 'docker.io'), 'every node pulls from ECR').toEqual([]);

  const again = await cli.json('up --dry-run --exit-code');
  const { error, plan } = again.document as { error?: unknown; plan?: { steps: { changes: unknown[] }[] } };
  const changes = plan?.steps.flatMap((step) => step.changes);
  expect({ code: again.code, error, changes }, 'the second plan is empty').toEqual({ code: 0, changes: [] });
}

/** The nodes without the file for an upstream host. */
const nodesWithout = ({ world: { cluster } }: Cli, host: string): string[] =>
  nodesOf(cluster).filter(
    (name) => cluster.machine(name).readFile(`/etc/containerd/certs.d/${host}/hosts.toml`) === undefined,
  );

/** What a `down` must not leave of node access, in the cluster and on nodes. */
export const remainingNodeAccess = ({ world: { cluster } }: Cli): string[] => [
  ...['Namespace', 'ExternalSecret', 'DaemonSet', 'Pod', 'Secret']
    .flatMap((kind) => cluster.list(kind))
    .filter(({ metadata: { name, namespace } }) => [name, namespace].includes('ecr-bootstrap'))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`),
  ...nodesOf(cluster).flatMap((name) => Object.keys(cluster.machine(name).files)),
];

const nodesOf = (cluster: Cli['world']['cluster']): string[] =>
  cluster.list('Node').map(({ metadata }) => metadata.name);
