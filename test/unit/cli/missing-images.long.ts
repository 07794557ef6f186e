import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeEach(async () => {
  cli = await openCli({}, { fast: true });
});
afterEach(() => cli.close());

function deploy(name: string, image: string): void {
  const labels = { app: name };
  cli.world.cluster.put({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'shop' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'main', image }] } },
    },
  });
}

const repositories = () => [...cli.world.aws.registry.repositories.keys()];
const only = '--only repositories,operator-image,images';
const reasons = [
  'quay.io has no such image',
  'Fix the image reference in Deployment shop/mistaken',
  '- quay.io/no/such:1',
];

it('reports a missing image in the same words everywhere and completes everything else', async () => {
  deploy('mistaken', 'quay.io/no/such:1');
  const first = await cli.run(`up --yes ${only}`);
  expect(first.code).toBe(1);
  expect(repositories()).toContain('shop/docker.io/library/nginx');
  expect(repositories().join()).not.toContain('quay.io');

  const again = await cli.run(`up --yes ${only}`);
  expect(again.code).toBe(1);
  expect(again.stdout).toContain('Nothing to change');
  const status = await cli.run(`status ${only}`);
  expect(status.code).toBe(3);
  const mirror = await cli.run('mirror --from-cluster');
  expect(mirror.code).toBe(1);
  for (const { stdout, stderr } of [first, again, status, mirror]) {
    for (const reason of reasons) expect(stdout + stderr).toContain(reason);
  }
  expect(repositories().join()).not.toContain('quay.io');
});

it('copies a new image of a workload that is created while it runs', async () => {
  let isDone = false;
  cli.world.faults.onCall(({ operation }) => {
    if (isDone || operation !== 'CreateAccessKey') return;
    isDone = true;
    deploy('late', 'quay.io/prometheus/node-exporter:v1.9.0');
  });
  expect((await cli.run('up --yes')).code).toBe(0);
  const late = cli.world.aws.registry.repositories.get('shop/quay.io/prometheus/node-exporter');
  expect(late?.manifest('v1.9.0')).toBeDefined();
});

it('copies the other images and sets up the cluster when one repository cannot be created', async () => {
  deploy('refused', 'quay.io/prometheus/node-exporter:v1.9.0');
  const resource = 'shop/quay.io/prometheus/node-exporter';
  cli.world.faults.plan({ kind: 'deny', service: 'ecr', operation: 'CreateRepository', resource });
  const ran = await cli.run('up --yes');
  expect(ran.code).toBe(1);
  expect(ran.stdout + ran.stderr).toContain(resource);
  expect(cli.world.cluster.get('Secret', 'puller', 'shop')).toBeDefined();
  expect(
    cli.world.aws.registry.repositories.get('shop/docker.io/library/nginx')?.manifest('1.27'),
  ).toBeDefined();
});
