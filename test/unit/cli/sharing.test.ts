import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Cluster, createCluster } from '../../../src/sandbox/cluster/index.ts';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: a whole `up` is part of some. */
const patient = { timeout: 240_000 };
const hour = 3_600_000;

/** A second cluster beside the first one, in the same world. @returns it, and the environment that leads to it */
function addCluster({ world, folder }: Cli): { cluster: Cluster; env: { KUBECONFIG: string } } {
  const { clock, faults, awsForCluster: aws, images, hosts, caPem } = world;
  const host = 'second.sandbox:6443';
  const cluster = createCluster({ clock, faults, aws, images, admissionPolicies: 'v1' });
  hosts.set(host, (request, response) => cluster.handler(request, response));
  const KUBECONFIG = join(folder, 'second');
  writeFileSync(KUBECONFIG, cluster.kubeconfig(`https://${host}`, caPem), { mode: 0o600 });
  return { cluster, env: { KUBECONFIG } };
}

describe('two clusters of one project', () => {
  let cli: Cli;
  let second: ReturnType<typeof addCluster>;
  beforeAll(async () => {
    cli = await openCli({}, { hurried: true });
    second = addCluster(cli);
    expect((await cli.run('up -q')).code).toBe(0);
  }, patient.timeout);
  afterAll(async () => {
    second.cluster.close();
    await cli.close();
  });

  const keys = () =>
    [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');
  const pull = (cluster: Cluster, namespace: string) => {
    const { data } = cluster.get('Secret', 'puller', namespace) as unknown as {
      data: Record<string, string>;
    };
    const config = Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
    const image = `${cli.world.registryHost}/shop/external-secrets:v0.12.1`;
    return cli.world.images.pull(image, 'linux/amd64', [config]);
  };

  it('share users, key and repositories: the second adds nothing to AWS', patient, async () => {
    const [key] = keys();
    const { code, stdout, stderr } = await cli.run('up', { env: second.env });
    expect(code, stderr).toBe(0);
    expect(stdout).not.toMatch(/IAM|AWS secret|ECR repository/);
    expect(keys()).toEqual([key]);
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
  });

  it('take a key over that the other one rotated, which stays enabled until then', patient, async () => {
    const [old] = keys();
    cli.world.clock.advance(30 * 60_000);
    expect((await cli.run('up -q --only image-puller-key', { env: second.env })).code).toBe(0);
    expect((await cli.run('rotate')).code).toBe(0);
    expect(old?.active).toBe(true);
    // The second reads the new key with the old one, and uses the new one from then on.
    for (const hours of [1, 3]) {
      cli.world.clock.advance(hours * hour);
      await Promise.all([cli.world.cluster.settled(), second.cluster.settled()]);
    }
    expect((await cli.run('rotate')).code).toBe(0);
    expect(old?.active).toBe(false);
    cli.world.clock.advance(13 * hour);
    await second.cluster.settled();
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
  });

  it('go each by itself: the one that is left renews its tokens and rotates', patient, async () => {
    const down = await cli.run('down');
    expect(down.code, down.stderr).toBe(0);
    cli.world.clock.advance(13 * hour);
    await second.cluster.settled();
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
    const rotated = await cli.run('rotate', { env: second.env });
    expect(rotated.code, rotated.stderr).toBe(0);
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
    const plan = await cli.run('up --dry-run --exit-code', { env: second.env });
    expect(plan.code, plan.stdout).toBe(0);
  });
});

describe('two projects in one account', () => {
  let cli: Cli;
  let second: ReturnType<typeof addCluster>;
  const of = (project: string) => ({ env: { ...second.env, ECR_BOOTSTRAP_PROJECT: project } });
  beforeAll(async () => {
    cli = await openCli({}, { hurried: true });
    second = addCluster(cli);
    expect((await cli.run('up -q')).code).toBe(0);
  }, patient.timeout);
  afterAll(async () => {
    second.cluster.close();
    await cli.close();
  });

  it('the second is stopped before any change, with the keys to set', patient, async () => {
    cli.world.faults.calls.splice(0);
    const { code, stdout, stderr } = await cli.run('up', of('office'));
    expect(code).toBe(2);
    const writes = cli.world.faults.calls.filter(
      ({ writes: isWrite, operation }) => isWrite && !/review/i.test(operation),
    );
    expect(writes).toEqual([]);
    expect(stderr).toContain('it belongs to project shop in eu-west-1');
    for (const key of ['users.powerUser.name', 'users.imagePuller.name'])
      expect(stdout).toContain(`Set ${key}`);
  });

  it('with them set both work: each with users, keys, secrets and images of its own', patient, async () => {
    const file = join(cli.folder, 'office.yaml');
    const users = '{ powerUser: { name: office-pusher }, imagePuller: { name: office-puller } }';
    writeFileSync(file, `project: office\nusers: ${users}\n`);
    const env = { ...second.env, ECR_BOOTSTRAP_CONFIG: file, ECR_BOOTSTRAP_PROJECT: undefined };
    const { code, stderr } = await cli.run('up -q', { env });
    expect(code, stderr).toBe(0);
    const { identities, registry, secrets } = cli.world.aws;
    expect([...identities.users.keys()]).toEqual(
      expect.arrayContaining(['power-user', 'image-puller', 'office-pusher', 'office-puller']),
    );
    expect(secrets.get('office-puller-AWS_ACCESS_KEY_ID')).toBeDefined();
    expect(registry.repositories.has('office/external-secrets')).toBe(true);
    for (const options of [{}, { env }]) {
      for (const line of ['up --dry-run --exit-code', 'status', 'rotate']) {
        const ran = await cli.run(line, options);
        expect(ran.code, `${line}: ${ran.stdout}${ran.stderr}`).toBe(0);
      }
    }
  });

  it('neither may what is of the other: images, secrets', patient, async () => {
    const { data } = second.cluster.get('Secret', 'puller', 'shop') as unknown as {
      data: Record<string, string>;
    };
    const config = Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
    const pull = (project: string) =>
      cli.world.images.pull(`${cli.world.registryHost}/${project}/external-secrets:v0.12.1`, 'linux/amd64', [
        config,
      ]);
    expect([await pull('office'), await pull('shop')]).toEqual(['pulled', 'unauthorized']);
  });
});

describe('a run that loses its lease', () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await openCli({}, { hurried: true });
  });
  afterAll(() => cli.close());

  it('stops before its next change, says to whom, and the next run goes on', patient, async () => {
    const { clock, cluster, faults } = cli.world;
    // The renewals' timer, to be moved by hand.
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let isTaken = false;
    const stop = faults.onCall(({ operation }) => {
      if (operation !== 'CreateAccessKey' || isTaken) return;
      isTaken = true;
      const renewTime = new Date(clock.now() + 60_000).toISOString();
      const spec = { holderIdentity: 'ann@elsewhere/1', acquireTime: renewTime, renewTime };
      cluster.put({ kind: 'Lease', metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' }, spec });
      clock.advance(12_000);
      vi.advanceTimersByTime(2000);
    });
    const { code, stderr } = await cli.run('up');
    vi.useRealTimers();
    stop();
    expect(code).toBe(1);
    expect(stderr).toMatch(/keep the lease .*\n.*ann@elsewhere\/1 holds it since/);
    expect(cluster.get('Namespace', 'external-secrets')).toBeUndefined();
    expect(cluster.get('Lease', 'ecr-bootstrap', 'kube-system')?.['spec']).toMatchObject({
      holderIdentity: 'ann@elsewhere/1',
    });
    clock.advance(120_000);
    const again = await cli.run('up');
    expect(again.code, again.stderr).toBe(0);
    const keys = [...cli.world.aws.identities.keys.values()].filter(
      ({ user }) => user.name === 'image-puller',
    );
    expect(keys).toHaveLength(1);
  });
});

describe('two runs at once', () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await openCli({}, { hurried: true });
  });
  afterAll(() => cli.close());

  it('do not disturb each other: one works, the other says who holds the lease', patient, async () => {
    const runs = await Promise.all([cli.run('up'), cli.run('up')]);
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 2]);
    const refused = runs.find(({ code }) => code === 2);
    expect(refused?.stderr).toMatch(/\S+@\S+\/\d+ holds it since \d{4}-/);
    expect((await cli.run('up --dry-run --exit-code')).code).toBe(0);
    expect(cli.world.cluster.get('Lease', 'ecr-bootstrap', 'kube-system')).toBeUndefined();
  });

  it('take the place of a holder that died', patient, async () => {
    const { clock, cluster } = cli.world;
    const renewTime = new Date(clock.now() - 40_000).toISOString();
    const spec = { holderIdentity: 'ann@elsewhere/1', leaseDurationSeconds: 30, renewTime };
    const metadata = { name: 'ecr-bootstrap', namespace: 'kube-system' };
    cluster.put({
      kind: 'Lease',
      metadata,
      spec: { ...spec, renewTime: new Date(clock.now()).toISOString() },
    });
    cluster.put({ kind: 'ServiceAccount', metadata: { name: 'new', namespace: 'shop' } });
    const locked = await cli.run('up --only service-accounts');
    expect(locked.code).toBe(2);
    expect(locked.stderr).toContain('ann@elsewhere/1 holds it');
    cluster.put({ kind: 'Lease', metadata, spec });
    expect((await cli.run('up --only service-accounts')).code).toBe(0);
  });
});
