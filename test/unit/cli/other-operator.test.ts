import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, type CliResult, openCli } from '../../support/cli.ts';
import { managedObjects } from '../../support/managed.ts';

/** The whole program runs several times. */
const slow = { timeout: 60_000 };
const kinds = ['ExternalSecret', 'SecretStore', 'ClusterSecretStore', 'ClusterExternalSecret'];
const images = "images: { exclude: ['*'] }\n";
const open = async (config: string): Promise<Cli> => {
  const cli = await openCli({ cluster: { otherOperator: true } }, { fast: true, config });
  await cli.world.cluster.settled();
  return cli;
};

describe('an operator of others that serves v1 and no longer v1beta1', () => {
  let cli: Cli;
  let up: CliResult;

  beforeAll(async () => {
    cli = await open(`${images}externalSecrets: { install: false }\n`);
    up = await cli.run('up --yes');
  }, slow.timeout);

  afterAll(() => cli.close());

  it('is used by up, which writes its objects in v1', () => {
    expect(up.code, up.stderr).toBe(0);
    const objects = kinds.flatMap((kind) => cli.world.cluster.list(kind));
    expect(new Set(objects.map(({ kind }) => kind))).toEqual(new Set(kinds));
    expect(new Set(objects.map(({ apiVersion }) => apiVersion))).toEqual(new Set(['external-secrets.io/v1']));
  });

  it('gives a new namespace its pull secret', slow, async () => {
    cli.world.cluster.put({ kind: 'Namespace', metadata: { name: 'plug' } });
    await cli.world.cluster.settled();
    const { metadata } = cli.world.cluster.get('Secret', 'puller', 'plug') ?? {};
    expect(metadata?.ownerReferences).toMatchObject([{ apiVersion: 'external-secrets.io/v1' }]);
  });

  it('leaves nothing to do for a second run, and a healthy cluster', slow, async () => {
    expect((await cli.run('up --dry-run')).stdout).toContain('Nothing would change.');
    expect((await cli.run('status')).code).toBe(0);
  });

  it('is rendered for', slow, async () => {
    const { stdout } = await cli.run('render');
    expect(stdout).toContain('apiVersion: external-secrets.io/v1\n');
    expect(stdout).not.toContain('v1beta1');
  });

  it('takes part in a rotation', slow, async () => {
    const before = cli.world.cluster.get('Secret', 'image-puller', 'external-secrets')?.['data'];
    const { code, stderr } = await cli.run('rotate --yes');
    expect(code, stderr).toBe(0);
    const after = cli.world.cluster.get('Secret', 'image-puller', 'external-secrets')?.['data'];
    expect(after).not.toEqual(before);
  });

  it('is left as it was by down', slow, async () => {
    const { code, stderr } = await cli.run('down --yes');
    expect(code, stderr).toBe(0);
    await cli.world.cluster.settled();
    expect(managedObjects(cli)).toEqual([]);
    expect(kinds.flatMap((kind) => cli.world.cluster.list(kind))).toEqual([]);
    const { metadata } = cli.world.cluster.get('Deployment', 'external-secrets', 'external-secrets') ?? {};
    expect(metadata?.labels).toHaveProperty(['app.kubernetes.io/version'], 'v0.20.4');
  });
});

it('up says how to use a newer operator of others, and never to install an earlier one', slow, async () => {
  const cli = await open(images);
  try {
    const { code, stderr } = await cli.run('up --yes');
    expect(code).toBe(2);
    expect(stderr).toContain('Set externalSecrets.install: false to use it as it is.');
    expect(stderr).not.toMatch(/0\.12\.1|uninstall|--adopt/);
  } finally {
    await cli.close();
  }
});
