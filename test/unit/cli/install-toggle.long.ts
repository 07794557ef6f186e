import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createCluster } from '../../../src/clients/kubernetes/index.ts';
import { createNet } from '../../../src/clients/net/index.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { fastClock } from '../../support/fast-clock.ts';
import { managedObjects } from '../../support/managed.ts';

/** Milliseconds: each test runs `up` and `down`. */
const slow = { timeout: 120_000 };
const settings = 'images: { exclude: [registry.k8s.io/*] }\n';
const withoutInstall = `${settings}externalSecrets: { install: false }\n`;

let cli: Cli;

beforeEach(async () => {
  cli = await openCli({}, { fast: true, config: settings });
  const { code, stderr } = await cli.run('up --yes -q');
  expect(code, stderr).toBe(0);
}, slow.timeout);

afterEach(() => cli.close());

const configure = (text: string): void => writeFileSync(join(cli.folder, 'ecr-bootstrap.yaml'), text);

/** Creates an ExternalSecret of another team through the API, which calls the webhooks. */
async function createForOthers(name: string): Promise<void> {
  const net = createNet(cli.world.caPem, cli.site);
  const clock = fastClock(cli.world.clock);
  const cluster = createCluster({ kubeconfig: cli.site['KUBECONFIG'] ?? '', net, clock });
  try {
    await cluster.create({
      apiVersion: 'external-secrets.io/v1beta1',
      kind: 'ExternalSecret',
      metadata: { name, namespace: 'monitoring' },
      spec: {
        secretStoreRef: { kind: 'SecretStore', name: 'team-vault' },
        data: [{ secretKey: 'a', remoteRef: { key: 'b' } }],
      },
    });
  } finally {
    await cluster.close();
    await net.close();
  }
}

it('down deletes and shows the operator that up installed before install became false', slow, async () => {
  configure(withoutInstall);
  const { stdout } = await cli.run('down --dry-run -v');
  for (const name of [
    'Deployment external-secrets/external-secrets',
    'ValidatingWebhookConfiguration externalsecret-validate',
    'CustomResourceDefinition externalsecrets.external-secrets.io',
    'ClusterRole external-secrets-controller',
    'Namespace external-secrets',
  ]) {
    expect(stdout).toContain(`- ${name}`);
  }
  const { code, stderr } = await cli.run('down --yes');
  expect(code, stderr).toBe(0);
  await cli.world.cluster.settled();
  expect(managedObjects(cli)).toEqual([]);
  expect(cli.world.cluster.get('Namespace', 'external-secrets')).toBeUndefined();
});

it('down with install: false leaves no webhook that rejects unmanaged objects', slow, async () => {
  await createForOthers('before');
  configure(withoutInstall);
  const { code, stdout, stderr } = await cli.run('down --yes');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('the CRDs of External Secrets Operator are kept');
  await cli.world.cluster.settled();
  expect(cli.world.cluster.list('ValidatingWebhookConfiguration')).toEqual([]);
  await createForOthers('afterwards');
});

it(
  'up with install: false keeps the operator that an earlier up installed, and says how to remove it',
  slow,
  async () => {
    configure(withoutInstall);
    const { code, stdout } = await cli.run('up --yes');
    expect(code).toBe(0);
    expect(stdout).toContain('the External Secrets Operator that ecr-bootstrap installed is still in use');
    expect(stdout).toContain('run `ecr-bootstrap down`');
    const status = await cli.run('status');
    expect(status.code, status.stdout).toBe(0);
    expect(status.stdout).toContain('is still in use');
    cli.world.cluster.delete('Deployment', 'external-secrets-webhook', 'external-secrets');
    expect((await cli.run('status')).code).toBe(3);
  },
);

it("down needs neither the operator's manifest nor the files that the settings name", slow, async () => {
  configure(`${settings}externalSecrets: { manifest: gone.yaml, caBundle: gone.pem }\n`);
  const { code, stderr } = await cli.run('down --yes');
  expect(code, stderr).toBe(0);
  await cli.world.cluster.settled();
  expect(managedObjects(cli)).toEqual([]);
});

it('down keeps a namespace that holds a managed object which the plan does not delete', slow, async () => {
  const labels = { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' };
  const metadata = { name: 'of-another-version', namespace: 'external-secrets', labels };
  cli.world.cluster.put({ kind: 'ConfigMap', metadata });
  const { stdout } = await cli.run('down --yes');
  expect(stdout).toContain('ConfigMap external-secrets/of-another-version');
  expect(cli.world.cluster.get('ConfigMap', metadata.name, metadata.namespace)).toBeDefined();
});
