import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { inAws, traces } from '../../support/traces.ts';

/** Milliseconds: a whole `up` is part of some. */
const patient = { timeout: 240_000 };

/** A world in which `up` was run, for the tests of one block, which go on where the one before stopped. */
function worldAfterUp(): () => Cli {
  let cli: Cli;
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
    expect((await cli.run('up --yes -q')).code).toBe(0);
  }, patient.timeout);
  afterAll(() => cli.close());
  return () => cli;
}

const pullSecretsIn = ({ world }: Cli, namespace: string, name = 'default'): unknown =>
  world.cluster.get('ServiceAccount', name, namespace)?.['imagePullSecrets'];

test('down leaves no pull secret behind where the garbage collector takes its time', patient, async () => {
  const cli = await openCli({ cluster: { collectionLag: 10_000 } }, { fast: true });
  try {
    expect((await cli.run('up --yes -q')).code).toBe(0);
    const ran = await cli.run('down --yes');
    expect(ran.code, ran.stderr).toBe(0);
    cli.world.clock.advance(20_000);
    await cli.world.cluster.settled();
    expect(traces(cli)).toEqual([]);
  } finally {
    await cli.close();
  }
});

describe('down', () => {
  const cli = worldAfterUp();

  it('first names the pods that will not pull again, and a dry run changes nothing', patient, async () => {
    const { cluster, registryHost } = cli().world;
    const image = `${registryHost}/shop/docker.io/library/nginx:1.27`;
    const spec = { containers: [{ name: 'a', image }] };
    cluster.put({ kind: 'Pod', metadata: { name: 'ours', namespace: 'shop' }, spec });
    const status = { phase: 'Succeeded' };
    cluster.put({ kind: 'Pod', metadata: { name: 'finished', namespace: 'shop' }, spec, status });
    const { code, stdout } = await cli().run('down --dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('1 pod uses images of this ECR and cannot pull them again');
    expect(stdout).toContain('shop/ours');
    expect((await cli().run('up --dry-run --exit-code')).code).toBe(0);
  });

  it('takes away all of ours in the cluster and leaves AWS alone', patient, async () => {
    const { cluster } = cli().world;
    const own = cluster.get('ServiceAccount', 'default', 'shop');
    if (own) cluster.put({ ...own, imagePullSecrets: [{ name: 'theirs' }, { name: 'puller' }] });
    const before = inAws(cli());
    const ran = await cli().run('down --yes');
    expect(ran.code, ran.stderr).toBe(0);
    await cluster.settled();
    expect(traces(cli())).toEqual([]);
    expect(pullSecretsIn(cli(), 'shop')).toEqual([{ name: 'theirs' }]);
    expect(pullSecretsIn(cli(), 'monitoring')).toBeUndefined();
    expect(inAws(cli())).toEqual(before);
    expect(ran.stdout).toContain('ecr-bootstrap down --aws');
    expect((await cli().run('down --yes')).stdout).toContain('Nothing to change.');
  });

  it('is undone by up', patient, async () => {
    const { code, stderr } = await cli().run('up --yes');
    expect(code, stderr).toBe(0);
    expect((await cli().run('up --dry-run --exit-code')).code).toBe(0);
  });

  it('leaves definitions and namespace when something of others is in them', patient, async () => {
    const { cluster } = cli().world;
    const spec = { secretStoreRef: { name: 'vault' }, data: [{ secretKey: 'a', remoteRef: { key: 'a' } }] };
    cluster.put({ kind: 'ExternalSecret', metadata: { name: 'theirs', namespace: 'shop' }, spec });
    cluster.put({ kind: 'ConfigMap', metadata: { name: 'theirs', namespace: 'external-secrets' } });
    const { code, stdout, stderr } = await cli().run('down --yes');
    expect(code, stderr).toBe(0);
    await cluster.settled();
    expect(stdout).toContain('the CRDs of External Secrets Operator are kept');
    expect(stdout).toContain('ExternalSecret shop/theirs');
    expect(stdout).toContain('it holds what this plan does not delete: ConfigMap external-secrets/theirs');
    expect(cluster.get('ExternalSecret', 'theirs', 'shop')).toBeDefined();
    expect(cluster.list('CustomResourceDefinition')).toHaveLength(16);
    expect(cluster.list('Deployment', 'external-secrets')).toEqual([]);
    expect(cluster.get('Secret', 'puller', 'external-secrets')).toBeUndefined();
  });
});

describe('down that is cut off', () => {
  const cli = worldAfterUp();

  it.each([
    'delete clusterexternalsecrets',
    'delete secretstores',
    'delete deployments',
    'delete customresourcedefinitions',
  ])('at %s goes on from there', patient, async (operation) => {
    const { cluster, faults } = cli().world;
    const takeBack: (() => void)[] = [];
    const stop = faults.onCall((call) => {
      if (call.operation !== operation) return;
      takeBack.push(faults.plan({ kind: 'lost', to: 1 }));
      queueMicrotask(() => takeBack.push(faults.plan({ kind: 'reset' })));
    });
    const { code } = await cli().run('down --yes', { env: { AWS_MAX_ATTEMPTS: '1' } });
    stop();
    for (const act of takeBack) act();
    expect(takeBack).not.toEqual([]);
    expect(code).not.toBe(0);
    await cluster.settled();
  });

  it('comes to its end', patient, async () => {
    const { code, stderr } = await cli().run('down --yes');
    expect(code, stderr).toBe(0);
    await cli().world.cluster.settled();
    expect(traces(cli())).toEqual([]);
  });
});

describe('down --aws', () => {
  const cli = worldAfterUp();

  it('wants the name of the project typed: the account guard alone is not enough', patient, async () => {
    const { code, document } = await cli().json('down --aws');
    expect(code).toBe(2);
    expect(document.error).toMatchObject({ code: 'confirmation-needed' });
    expect(inAws(cli()).users).toHaveLength(2);
  });

  it('refuses while another cluster is registered, verified or not, before any change', patient, async () => {
    const tags = cli().world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags;
    for (const keyId of ['AKIAOTHER', 'AKIAOTHER:unverified']) {
      tags?.set('ecr-bootstrap:cluster/other', `${keyId} 2026-01-31T00:00:00.000Z prod 0.1`);
      const { code, stderr } = await cli().run('down --aws --yes');
      expect(code).toBe(2);
      expect(stderr).toContain('another cluster uses the project: prod (other)');
      expect(traces(cli())).not.toEqual([]);
    }
    tags?.delete('ecr-bootstrap:cluster/other');
  });

  it('shows when the key was last used, which refuses nothing', patient, async () => {
    const { aws, clock } = cli().world;
    clock.advance(40 * 60_000);
    const key = [...aws.identities.keys.values()].find(({ user }) => user.name === 'image-puller');
    const at = clock.now();
    if (key) key.lastUsed = { at, service: 'secretsmanager' };
    for (const flags of ['--dry-run', '--dry-run -o json']) {
      const { code, stdout } = await cli().run(`down --aws ${flags}`);
      expect(code).toBe(0);
      expect(stdout).toContain(`last used ${new Date(at).toISOString()}`);
    }
    expect(key?.lastUsed?.at).toBe(at);
  });

  it('never deletes the calling user, nor what others gave to one of ours', patient, async () => {
    const { identities } = cli().world.aws;
    const [powerUser, imagePuller] = ['power-user', 'image-puller'].map((name) => identities.users.get(name));
    imagePuller?.groups.add('theirs');
    const own = powerUser && identities.addKey(powerUser, 0);
    const env = { AWS_ACCESS_KEY_ID: own?.id, AWS_SECRET_ACCESS_KEY: own?.secret };
    const { code, stdout, stderr } = await cli().run('down --aws --yes', { env });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('IAM user power-user is left, with its policy');
    expect(inAws(cli())).toMatchObject({ users: ['power-user', 'image-puller'], keys: 0 });
    const admin = await cli().run('down --aws --yes');
    expect(admin.code, admin.stderr).toBe(0);
    expect(admin.stdout).toContain('IAM user image-puller is left, with its policy');
    expect(admin.stdout).toContain('group theirs');
    expect(inAws(cli()).users).toEqual(['image-puller']);
    imagePuller?.groups.clear();
  });

  it('takes keys, users and policies; images and secrets only by their own flags', patient, async () => {
    const { repositories } = inAws(cli());
    const down = await cli().run('down --aws --yes');
    expect(down.code, down.stderr).toBe(0);
    expect(down.stdout).toContain('repositories with images (--delete-images), secrets in Secrets Manager');
    expect(down.stdout).not.toContain('access keys and policies (--aws)');
    expect(inAws(cli())).toEqual({ users: [], keys: 0, policies: [], repositories, secrets: 3 });
    const rest = await cli().run('down --delete-images --delete-secrets --yes');
    expect(rest.code, rest.stderr).toBe(0);
    expect(inAws(cli())).toMatchObject({ repositories: 0, secrets: 0 });
  });

  it('is undone by up', patient, async () => {
    const { code, stderr } = await cli().run('up --yes');
    expect(code, stderr).toBe(0);
    expect((await cli().run('up --dry-run --exit-code')).code).toBe(0);
  });
});

describe('down --delete-images under throttling', () => {
  const cli = worldAfterUp();

  it('plans the removal of every repository', patient, async () => {
    const { registry, limits } = cli().world.aws;
    for (let index = 0; index < 60; index += 1) {
      const { awsTags } = registry.addRepository(`shop/app-${index}`);
      awsTags.set('ecr-bootstrap:project', 'shop').set('ecr-bootstrap:region', cli().world.region);
    }
    limits.perSecond.set('ListTagsForResource', 20);
    const { code, stdout, stderr } = await cli().json('down --delete-images --dry-run');
    expect(code, stderr).toBe(0);
    expect(new Set(stdout.match(/shop\/app-\d+/g)).size).toBe(60);
    expect(stdout).not.toContain('left-behind');
  });
});
