import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SandboxClock } from '../../../sandbox/clock.ts';
import type { WorldOptions } from '../../../sandbox/world.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { remainingInAws, remainingObjects } from '../../support/remaining.ts';

/** Milliseconds: some tests run a whole `up`. */
const slow = { timeout: 240_000 };

/** A sandbox after `up`, for the tests of one block. Each test starts from the state that the previous one left. */
function worldAfterUp(options: WorldOptions = {}): () => Cli {
  let cli: Cli;
  beforeAll(async () => {
    cli = await openCli(options, { fast: true });
    expect((await cli.run('up --yes -q')).code).toBe(0);
  }, slow.timeout);
  afterAll(() => cli.close());
  return () => cli;
}

const pullSecretsIn = ({ world }: Cli, namespace: string, name = 'default'): unknown =>
  world.cluster.get('ServiceAccount', name, namespace)?.['imagePullSecrets'];

it('down leaves no pull secret behind when the garbage collector is slow', slow, async () => {
  const cli = await openCli({ cluster: { collectionLag: 10_000 } }, { fast: true });
  try {
    expect((await cli.run('up --yes -q')).code).toBe(0);
    const ran = await cli.run('down --yes');
    expect(ran.code, ran.stderr).toBe(0);
    cli.world.clock.advance(20_000);
    await cli.world.cluster.settled();
    expect(remainingObjects(cli)).toEqual([]);
  } finally {
    await cli.close();
  }
});

describe('down', () => {
  const cli = worldAfterUp();

  it('names the pods that cannot pull again in a dry run, which changes nothing', slow, async () => {
    const { cluster, registryHost } = cli().world;
    const image = `${registryHost}/shop/docker.io/library/nginx:1.27`;
    const put = (name: string, from: string, phase = 'Running') =>
      cluster.put({
        kind: 'Pod',
        metadata: { name, namespace: 'shop' },
        spec: { containers: [{ name: 'a', image: from }] },
        status: { phase },
      });
    put('copied', image);
    put('finished', image, 'Succeeded');
    put('local', 'localhost:5000/tool:1');
    const { code, stdout } = await cli().run('down --dry-run');
    expect(code).toBe(0);
    // Nodes pull the images of all others from ECR, under their public names.
    const expected = cluster
      .list('Pod')
      .filter(({ metadata: { namespace = '' } }) => !/^(ecr-bootstrap|external-secrets)$/.test(namespace))
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
      .filter((name) => !['shop/finished', 'shop/local'].includes(name));
    const [, pods, workloads, listed = '', more = 0] =
      /(\d+) pods in (\d+) workloads \(([^)]*?)(?: and (\d+) more)?\) lose image access/.exec(
        stdout.replace(/\s+/g, ' '),
      ) ?? [];
    expect(Number(pods)).toBe(expected.length);
    const names = listed.split(', ');
    expect(names.length + Number(more)).toBe(Number(workloads));
    for (const name of names) expect(expected.some((pod) => pod.startsWith(name))).toBe(true);
    cluster.delete('Pod', 'local', 'shop');
    expect((await cli().run('up --dry-run --exit-code')).code).toBe(0);
  });

  it(
    'removes everything managed from the cluster and changes nothing in AWS except the registration',
    slow,
    async () => {
      const { cluster } = cli().world;
      const own = cluster.get('ServiceAccount', 'default', 'shop');
      if (own) cluster.put({ ...own, imagePullSecrets: [{ name: 'theirs' }, { name: 'puller' }] });
      const before = remainingInAws(cli());
      const ran = await cli().run('down --yes');
      expect(ran.code, ran.stderr).toBe(0);
      await cluster.settled();
      expect(remainingObjects(cli())).toEqual([]);
      expect(pullSecretsIn(cli(), 'shop')).toEqual([{ name: 'theirs' }]);
      expect(pullSecretsIn(cli(), 'monitoring')).toBeUndefined();
      expect(remainingInAws(cli())).toEqual(before);
      expect(ran.stdout).toContain('ecr-bootstrap down --aws');
      expect((await cli().run('down --yes')).stdout).toContain('Nothing to change.');
    },
  );

  it('is undone by up', slow, async () => {
    const { code, stderr } = await cli().run('up --yes');
    expect(code, stderr).toBe(0);
    expect((await cli().run('up --dry-run --exit-code')).code).toBe(0);
  });

  it('keeps the CRDs and the namespace while they contain unmanaged objects', slow, async () => {
    const { cluster } = cli().world;
    const spec = { secretStoreRef: { name: 'vault' }, data: [{ secretKey: 'a', remoteRef: { key: 'a' } }] };
    cluster.put({ kind: 'ExternalSecret', metadata: { name: 'theirs', namespace: 'shop' }, spec });
    cluster.put({ kind: 'ConfigMap', metadata: { name: 'theirs', namespace: 'external-secrets' } });
    const { code, stdout, stderr } = await cli().run('down --yes');
    expect(code, stderr).toBe(0);
    await cluster.settled();
    expect(stdout).toContain('the CRDs of External Secrets Operator are kept');
    expect(stdout).toContain('ExternalSecret shop/theirs');
    expect(stdout).toContain(
      'it contains objects that this plan does not delete: ConfigMap external-secrets/theirs',
    );
    expect(cluster.get('ExternalSecret', 'theirs', 'shop')).toBeDefined();
    expect(cluster.list('CustomResourceDefinition')).toHaveLength(16);
    expect(cluster.list('Deployment', 'external-secrets')).toEqual([]);
    expect(cluster.get('Secret', 'puller', 'external-secrets')).toBeUndefined();
  });
});

describe('down that loses all connections', () => {
  const cli = worldAfterUp();

  it.each([
    'delete clusterexternalsecrets',
    'delete secretstores',
    'delete deployments',
    'delete customresourcedefinitions',
  ])('stops at %s and resumes there in the next run', slow, async (operation) => {
    const { cluster, faults } = cli().world;
    const undo: (() => void)[] = [];
    const stop = faults.onCall((call) => {
      if (call.operation !== operation) return;
      undo.push(faults.plan({ kind: 'lost', to: 1 }));
      queueMicrotask(() => undo.push(faults.plan({ kind: 'reset' })));
    });
    const { code } = await cli().run('down --yes', { env: { AWS_MAX_ATTEMPTS: '1' } });
    stop();
    for (const act of undo) act();
    expect(undo).not.toEqual([]);
    expect(code).not.toBe(0);
    await cluster.settled();
  });

  it('completes once the services respond again', slow, async () => {
    const { code, stderr } = await cli().run('down --yes');
    expect(code, stderr).toBe(0);
    await cli().world.cluster.settled();
    expect(remainingObjects(cli())).toEqual([]);
  });
});

describe('down --aws', () => {
  const cli = worldAfterUp();

  it('requires the project name to be typed even when the account is configured', slow, async () => {
    const { code, document } = await cli().json('down --aws');
    expect(code).toBe(2);
    expect(document.error).toMatchObject({ code: 'confirmation-needed' });
    expect(remainingInAws(cli()).users).toHaveLength(2);
  });

  it('is refused before any change while another cluster is registered, verified or not', slow, async () => {
    const tags = cli().world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags;
    for (const keyId of ['AKIAOTHER', 'AKIAOTHER:unverified']) {
      tags?.set('ecr-bootstrap:cluster/other', `${keyId} 2026-01-31T00:00:00.000Z prod 0.1`);
      const { code, stderr } = await cli().run('down --aws --yes');
      expect(code).toBe(2);
      expect(stderr).toContain('another cluster uses the project: prod (other)');
      expect(remainingObjects(cli())).not.toEqual([]);
    }
    tags?.delete('ecr-bootstrap:cluster/other');
  });

  it('shows when the key was last used, and is not refused because of it', slow, async () => {
    const { aws, clock } = cli().world;
    clock.advance(40 * 60_000);
    const key = [...aws.identities.keys.values()].find(({ user }) => user.name === 'image-puller');
    const at = clock.now();
    if (key) key.lastUsed = { at, service: 'secretsmanager' };
    for (const flags of ['--dry-run', '--dry-run -o json']) {
      const { code, stdout } = await cli().run(`down --aws ${flags}`);
      expect(code).toBe(0);
      expect(stdout).toContain(`last used ${new Date(at).toISOString().slice(0, 19)}Z`);
    }
    expect(key?.lastUsed?.at).toBe(at);
  });

  it('never deletes the calling user, nor a managed user in a group that others added', slow, async () => {
    const { identities } = cli().world.aws;
    const [powerUser, imagePuller] = ['power-user', 'image-puller'].map((name) => identities.users.get(name));
    imagePuller?.groups.add('theirs');
    const own = powerUser && identities.addKey(powerUser, 0);
    const env = { AWS_ACCESS_KEY_ID: own?.id, AWS_SECRET_ACCESS_KEY: own?.secret };
    const { code, stdout, stderr } = await cli().run('down --aws --yes', { env });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('IAM user power-user and its policy are kept');
    expect(remainingInAws(cli())).toMatchObject({ users: ['power-user', 'image-puller'], keys: 0 });
    const admin = await cli().run('down --aws --yes');
    expect(admin.code, admin.stderr).toBe(0);
    expect(admin.stdout).toContain('IAM user image-puller and its policy are kept');
    expect(admin.stdout).toContain('group theirs');
    expect(remainingInAws(cli()).users).toEqual(['image-puller']);
    imagePuller?.groups.clear();
  });

  it('deletes keys, users and policies, but images and secrets only with their own flags', slow, async () => {
    const { repositories } = remainingInAws(cli());
    const down = await cli().run('down --aws --yes');
    expect(down.code, down.stderr).toBe(0);
    expect(down.stdout).toContain('repositories with images (--delete-images), secrets in Secrets Manager');
    expect(down.stdout).not.toContain('access keys and policies (--aws)');
    expect(remainingInAws(cli())).toEqual({ users: [], keys: 0, policies: [], repositories, secrets: 3 });
    const rest = await cli().run('down --delete-images --delete-secrets --yes');
    expect(rest.code, rest.stderr).toBe(0);
    expect(remainingInAws(cli())).toMatchObject({ repositories: 0, secrets: 0 });
  });

  it('is undone by up', slow, async () => {
    const { code, stderr } = await cli().run('up --yes');
    expect(code, stderr).toBe(0);
    expect((await cli().run('up --dry-run --exit-code')).code).toBe(0);
  });
});

describe('down --delete-images under throttling', () => {
  // The SDK waits in real time, in which the limit must allow the next requests.
  const cli = worldAfterUp({ clock: new SandboxClock() });

  it('plans the deletion of every repository', slow, async () => {
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
