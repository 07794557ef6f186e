import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { managedObjects } from '../../support/managed.ts';

/** Milliseconds: each test runs `up` several times. */
const slow = { timeout: 120_000 };
const settings = 'images: { exclude: [registry.k8s.io/*] }\n';
const renamed = `${settings}pullSecret: { name: regcred }\n`;

let cli: Cli;

beforeEach(async () => {
  cli = await openCli({}, { fast: true, config: settings });
  await succeed('up --yes -q');
}, slow.timeout);

afterEach(() => cli.close());

const configure = (text: string): void => writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), text);

async function succeed(command: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(command);
  expect(code, stdout + stderr).toBe(0);
  await cli.world.cluster.settled();
  return stdout;
}

function startPod(name: string, pullSecrets: readonly string[], namespace = 'shop'): void {
  const image = `${cli.world.registryHost}/shop/docker.io/library/nginx:1.27`;
  const imagePullSecrets = pullSecrets.map((secret) => ({ name: secret }));
  const spec = { containers: [{ name: 'a', image }], imagePullSecrets };
  cli.world.cluster.put({ kind: 'Pod', metadata: { name, namespace }, spec });
}

const listOf = (namespace: string, name = 'default'): readonly string[] =>
  (
    (cli.world.cluster.get('ServiceAccount', name, namespace)?.['imagePullSecrets'] ?? []) as {
      name: string;
    }[]
  ).map((entry) => entry.name);

/** Whether a kubelet can pull with this copy now. */
async function pulls(namespace: string, name: string): Promise<boolean> {
  const secret = cli.world.cluster.get('Secret', name, namespace) as
    { data?: Record<string, string> } | undefined;
  const config = Buffer.from(secret?.data?.['.dockerconfigjson'] ?? '', 'base64').toString();
  const image = `${cli.world.registryHost}/shop/docker.io/library/nginx:1.27`;
  const { images } = cli.world;
  return (await images.pull(image, 'linux/amd64', [config])) === 'pulled';
}

async function passHours(hours: number): Promise<void> {
  for (let half = 0; half < 2 * hours; half += 1) {
    cli.world.clock.advance(1_800_000);
    await cli.world.cluster.settled();
  }
}

const named = (name: string): readonly string[] =>
  managedObjects(cli).filter((object) => object.endsWith(`/${name}`) || object.endsWith(` ${name}`));

it('keeps renewing a pull secret of an earlier name while a pod uses it, and reports it', slow, async () => {
  startPod('old', ['puller']);
  configure(renamed);
  const plan = await succeed('up --yes');
  expect(plan).toContain('pull secret puller is still in use, although pullSecret.name is regcred now');
  expect(plan).toContain('Pod shop/old');
  expect(listOf('shop')).toEqual(['puller', 'regcred']);
  await passHours(13);
  expect(await pulls('shop', 'puller')).toBe(true);
  expect(await pulls('shop', 'regcred')).toBe(true);
  expect(await succeed('status')).toContain('pull secret puller is still in use');
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
});

it('deletes a pull secret of an earlier name once nothing uses it, the old name last', slow, async () => {
  startPod('old', ['puller']);
  configure(renamed);
  await succeed('up --yes -q');
  cli.world.cluster.delete('Pod', 'old', 'shop');
  startPod('new', ['puller', 'regcred']);
  const before = await cli.run('status');
  expect(before.code).toBe(3);
  await succeed('up --yes');
  expect(named('puller')).toEqual([]);
  for (const { metadata } of cli.world.cluster.list('ServiceAccount')) {
    expect(listOf(metadata.namespace ?? '', metadata.name)).not.toContain('puller');
  }
  expect(listOf('shop')).toEqual(['regcred']);
  expect(cli.world.cluster.get('Secret', 'puller', 'shop')).toBeUndefined();
  const role = cli.world.cluster.get('Role', 'pull-secret-reader', 'external-secrets');
  expect(role?.['rules']).toMatchObject([{ resourceNames: ['regcred'] }]);
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
});

it('replaces the name in one run when nothing uses the old one', slow, async () => {
  configure(renamed);
  const plan = await succeed('up --yes -v');
  expect(plan).toContain('- ClusterExternalSecret puller');
  expect(named('puller')).toEqual([]);
  expect(listOf('shop')).toEqual(['regcred']);
  expect(await pulls('shop', 'regcred')).toBe(true);
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
});

it('keeps the old name in every service account while one namespace lacks the new copy', slow, async () => {
  const quota = { kind: 'ResourceQuota', metadata: { name: 'full', namespace: 'shop' } };
  cli.world.cluster.put({ ...quota, spec: { hard: { 'count/secrets': '1' } } });
  configure(renamed);
  const { code } = await cli.run('up --yes');
  expect(code).toBe(1);
  await cli.world.cluster.settled();
  expect(await pulls('shop', 'puller')).toBe(true);
  expect(listOf('shop')).toContain('puller');
  cli.world.cluster.delete('ResourceQuota', 'full', 'shop');
  // The first run may find the copy only after it made its plan. The next run removes the unused Secrets.
  await succeed('up --yes');
  await succeed('up --yes');
  expect(named('puller')).toEqual([]);
  expect(await succeed('up --dry-run --exit-code')).toContain('Nothing would change.');
});

it.each([
  ['after up with the new name', true],
  ['without an up in between', false],
])('down removes pull secrets of every name, %s', slow, async (_, isApplied) => {
  startPod('old', ['puller']);
  configure(renamed);
  if (isApplied) await succeed('up --yes -q');
  await succeed('down --yes');
  expect(managedObjects(cli)).toEqual([]);
  for (const { metadata } of cli.world.cluster.list('ServiceAccount')) {
    expect(listOf(metadata.namespace ?? '', metadata.name)).toEqual([]);
  }
  expect(cli.world.cluster.get('Namespace', 'external-secrets')).toBeUndefined();
});

it('down leaves names in service accounts that belong to the Secret of another owner', slow, async () => {
  configure(renamed);
  startPod('old', ['puller']);
  await succeed('up --yes -q');
  const { cluster } = cli.world;
  cluster.put({ kind: 'Namespace', metadata: { name: 'theirs' } });
  await cluster.settled();
  cluster.delete('ExternalSecret', 'regcred', 'theirs');
  cluster.put({
    kind: 'Namespace',
    metadata: { name: 'theirs', labels: { 'ecr-bootstrap.dev/ignore': 'true' } },
  });
  await cluster.settled();
  for (const name of ['puller', 'regcred']) cluster.delete('Secret', name, 'theirs');
  cluster.put({ kind: 'Secret', metadata: { name: 'puller', namespace: 'theirs' }, type: 'Opaque' });
  cluster.put({
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'theirs' },
    imagePullSecrets: [{ name: 'puller' }, { name: 'regcred' }],
  });
  await succeed('down --yes');
  expect(listOf('theirs')).toEqual(['puller']);
});

it('rotate also syncs a pull secret of an earlier name', slow, async () => {
  startPod('old', ['puller']);
  configure(renamed);
  await succeed('up --yes -q');
  await succeed('rotate --force --yes -q');
  expect(await pulls('shop', 'puller')).toBe(true);
});
