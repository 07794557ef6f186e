import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { managedObjects } from '../../support/managed.ts';

/** Milliseconds: each test runs `up` several times. */
const slow = { timeout: 120_000 };
const settings = 'images: { exclude: [registry.k8s.io/*] }\n';

let cli: Cli;

afterEach(() => cli.close());

async function start(config = settings): Promise<void> {
  cli = await openCli({}, { fast: true, config });
  await succeed('up --yes -q');
}

const configure = (text: string): void => writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), text);

async function succeed(command: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(command);
  expect(code, stdout + stderr).toBe(0);
  await cli.world.cluster.settled();
  return stdout;
}

async function put(name: string, labels: Record<string, string> = {}): Promise<void> {
  cli.world.cluster.put({
    kind: 'Namespace',
    metadata: { name, labels: { ...labels, 'kubernetes.io/metadata.name': name } },
  });
  await cli.world.cluster.settled();
}

const copyIn = (namespace: string): boolean =>
  cli.world.cluster.get('Secret', 'puller', namespace) !== undefined;

const entries = (): readonly string[] =>
  cli.world.cluster
    .list('ServiceAccount')
    .filter((account) => JSON.stringify(account['imagePullSecrets'] ?? []).includes('puller'))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);

it('plans nothing when a namespace that matches an exclude glob is created or deleted', slow, async () => {
  await start(`${settings}namespaces: { exclude: ["ci-*"] }\n`);
  await put('ci-1');
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
  await succeed('status');
  expect(entries().filter((account) => account.startsWith('ci-'))).toEqual([]);
  cli.world.cluster.delete('Namespace', 'ci-1');
  await cli.world.cluster.settled();
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
});

it('deletes the copies in all namespaces that match a newly configured exclude glob', slow, async () => {
  await start();
  await put('ci-1');
  expect(copyIn('ci-1')).toBe(true);
  configure(`${settings}namespaces: { exclude: ["ci-*"] }\n`);
  await succeed('up --yes -q');
  expect(copyIn('ci-1')).toBe(false);
  await put('ci-2');
  configure(`${settings}namespaces: { exclude: ["ci-*", "team-?"] }\n`);
  await succeed('up --yes -q');
  expect(copyIn('ci-2')).toBe(false);
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
  configure(settings);
  await succeed('up --yes -q');
  expect([copyIn('ci-1'), copyIn('ci-2')]).toEqual([true, true]);
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
});

it.each(['shop', 'sho*'])(
  'keeps the copy in a namespace that exclude %s matches while a pod uses it',
  slow,
  async (glob) => {
    await start();
    const { cluster, registryHost } = cli.world;
    const image = `${registryHost}/shop/docker.io/library/nginx:1.27`;
    const spec = { containers: [{ name: 'a', image }], imagePullSecrets: [{ name: 'puller' }] };
    cluster.put({ kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec });
    configure(`${settings}namespaces: { exclude: ["${glob}"] }\n`);
    const plan = await succeed('up --yes');
    expect(plan).toContain('namespace shop is excluded and still uses pull secret puller');
    expect(plan).toContain('Pod shop/web');
    expect(copyIn('shop')).toBe(true);
    expect(await succeed('status')).toContain('namespace shop is excluded and still uses pull secret puller');
    expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');

    for (const kind of ['Pod', 'Deployment', 'StatefulSet', 'CronJob', 'Job', 'DaemonSet', 'ReplicaSet']) {
      for (const { metadata } of cluster.list(kind, 'shop')) cluster.delete(kind, metadata.name, 'shop');
    }
    await cluster.settled();
    await succeed('up --yes');
    expect(copyIn('shop')).toBe(false);
    expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
  },
);

it(
  'down removes every entry, even in namespaces and service accounts that were excluded later',
  slow,
  async () => {
    await start();
    await put('kube-public', { 'ecr-bootstrap.dev/ignore': 'true' });
    configure(
      `${settings}namespaces: { exclude: [shop] }\nserviceAccounts: { exclude: [monitoring/default] }\n`,
    );
    await succeed('up --yes -q');
    expect(entries()).toContain('monitoring/default');
    await succeed('down --yes');
    expect(entries()).toEqual([]);
    expect(managedObjects(cli)).toEqual([]);
  },
);

it('down leaves nothing after serviceAccounts.policy was turned off', slow, async () => {
  await start();
  configure(`${settings}serviceAccounts: { policy: "off" }\n`);
  await succeed('down --yes');
  expect(managedObjects(cli)).toEqual([]);
});
