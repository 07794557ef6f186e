import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Cluster, createCluster } from '../../../sandbox/cluster/index.ts';
import { changeRequests } from '../../support/change-requests.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { registrationOf, watchRegistration } from '../../support/registrations.ts';

/** Milliseconds: some tests run a whole `up`. */
const slow = { timeout: 240_000 };
const hour = 3_600_000;

interface Second {
  readonly cluster: Cluster;
  /** Its kubeconfig. */
  readonly env: { readonly KUBECONFIG: string };
}

/** A second cluster in the same sandbox. */
function addCluster({ world, folder }: Cli): Second {
  const { clock, faults, awsForCluster: aws, images, hosts, caPem } = world;
  const host = 'second.sandbox:6443';
  const cluster = createCluster({ clock, faults, aws, images, admissionPolicies: 'v1' });
  hosts.set(host, (request, response) => cluster.handler(request, response));
  const KUBECONFIG = join(folder, 'second');
  writeFileSync(KUBECONFIG, cluster.kubeconfig(`https://${host}`, caPem), { mode: 0o600 });
  return { cluster, env: { KUBECONFIG } };
}

/** `up` has configured the first cluster; the second one is new. */
async function openWithSecond(): Promise<{ cli: Cli; second: Second }> {
  const cli = await openCli({}, { fast: true });
  const second = addCluster(cli);
  expect((await cli.run('up --yes -q')).code).toBe(0);
  return { cli, second };
}

/** The docker config in the pull secret of a namespace. */
function dockerConfig(cluster: Cluster, namespace: string): string {
  const { data } = cluster.get('Secret', 'puller', namespace) as unknown as { data: Record<string, string> };
  return Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
}

describe('two clusters of one project', () => {
  let cli: Cli;
  let second: Second;
  beforeAll(async () => {
    ({ cli, second } = await openWithSecond());
  }, slow.timeout);
  afterAll(async () => {
    second.cluster.close();
    await cli.close();
  });

  const keys = () =>
    [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');
  const pull = (cluster: Cluster, namespace: string) => {
    const image = `${cli.world.registryHost}/shop/external-secrets:v0.12.1`;
    return cli.world.images.pull(image, 'linux/amd64', [dockerConfig(cluster, namespace)]);
  };

  const registered = (): number =>
    [...(cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags.keys() ?? [])].filter((tag) =>
      tag.startsWith('ecr-bootstrap:cluster/'),
    ).length;

  it('share users, key and repositories, so that up only registers the second one in AWS', slow, async () => {
    const [key] = keys();
    expect(registered()).toBe(1);
    const { code, stdout, stderr } = await cli.run('up --yes', { env: second.env });
    expect(code, stderr).toBe(0);
    expect(stdout).not.toMatch(/IAM|AWS secret|ECR repository/);
    expect(registered()).toBe(2);
    expect(keys()).toEqual([key]);
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
  });

  /** Pulls repeatedly in every namespace of both clusters until `act` ends. @returns the pulls that failed */
  async function pullDuring(act: () => Promise<void>): Promise<ReadonlySet<string>> {
    const failed = new Set<string>();
    const over = new AbortController();
    const pulling = (async () => {
      while (!over.signal.aborted) {
        for (const [name, cluster] of Object.entries({ first: cli.world.cluster, second: second.cluster })) {
          const result = await pull(cluster, 'shop');
          if (result !== 'pulled') failed.add(`${name}: ${result}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await act();
    over.abort();
    await pulling;
    return failed;
  }

  it('keep the old key until each has verified the new one, and no pull fails in either', slow, async () => {
    const [old] = keys();
    const failed = await pullDuring(async () => {
      const first = await cli.run('rotate --yes');
      expect(first.code, first.stderr).toBe(0);
      expect(first.stdout).toContain(`access key ${old?.id ?? ''} stays enabled`);
      expect(first.stdout).toMatch(
        /not every cluster of the project is verified with the new key: kubernetes-admin@sandbox \(\w{8}\), since/,
      );
      // By now the operator of the second cluster has read the new key with the old one. No run has verified it
      // there yet.
      for (const hours of [1, 3]) {
        cli.world.clock.advance(hours * hour);
        await Promise.all([cli.world.cluster.settled(), second.cluster.settled()]);
      }
      const before = cli.world.faults.changes.length;
      const again = (await cli.run('rotate --yes')).stdout;
      expect(again).toContain('stays enabled');
      expect(again).toContain('Nothing to change');
      expect(cli.world.faults.changes.slice(before)).toEqual([]);
      expect(old?.active).toBe(true);
      expect((await cli.run('status', { env: second.env })).stdout).toContain('cluster registration');
      const up = await cli.run('up --yes', { env: second.env });
      expect(up.code, up.stderr).toBe(0);
      const last = await cli.run('rotate --yes');
      expect(last.code, last.stderr).toBe(0);
      expect(old?.active).toBe(false);
    });
    expect([...failed]).toEqual([]);
    cli.world.clock.advance(13 * hour);
    await Promise.all([cli.world.cluster.settled(), second.cluster.settled()]);
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
    expect((await cli.run('up --yes -q')).code).toBe(0);
    expect(keys()).toHaveLength(1);
  });

  it(
    'are both registered: down --aws for one is refused, even when the other was destroyed without down',
    slow,
    async () => {
      cli.world.clock.advance(48 * hour);
      await Promise.all([cli.world.cluster.settled(), second.cluster.settled()]);
      cli.world.faults.calls.splice(0);
      const { code, stderr } = await cli.run('down --aws --yes');
      expect(code).toBe(2);
      expect(stderr).toContain('another cluster uses the project: kubernetes-admin@sandbox');
      expect(stderr).toMatch(
        /aws secretsmanager untag-resource --secret-id \S+ --tag-keys ecr-bootstrap:cluster\/\S+/,
      );
      expect(changeRequests(cli.world)).toEqual([]);
    },
  );

  it('are removed separately, and the remaining one renews its tokens and rotates', slow, async () => {
    const down = await cli.run('down --yes');
    expect(down.code, down.stderr).toBe(0);
    expect(registered()).toBe(1);
    cli.world.clock.advance(13 * hour);
    await second.cluster.settled();
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
    const rotated = await cli.run('rotate --yes', { env: second.env });
    expect(rotated.code, rotated.stderr).toBe(0);
    expect(await pull(second.cluster, 'shop')).toBe('pulled');
    const plan = await cli.run('up --dry-run --exit-code', { env: second.env });
    expect(plan.code, plan.stdout).toBe(0);
  });
});

describe.each(['up', 'rotate'])('a key that was disabled manually is replaced by %s', (command) => {
  let cli: Cli;
  let second: Second;
  beforeAll(async () => {
    ({ cli, second } = await openWithSecond());
    expect((await cli.run('up --yes -q', { env: second.env })).code).toBe(0);
  }, slow.timeout);
  afterAll(async () => {
    second.cluster.close();
    await cli.close();
  });

  it('which names the other clusters that cannot pull until you run up there', slow, async () => {
    for (const key of cli.world.aws.identities.keys.values())
      if (key.user.name === 'image-puller') key.active = false;
    const { code, stdout, stderr } = await cli.run(`${command} --yes`);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /Run `ecr-bootstrap up` for cluster \S+ \(\w{8}\), since \S+: it cannot pull until/,
    );
    expect(stdout).not.toContain('by themselves');
    const there = await cli.run('up --yes', { env: second.env });
    expect(there.code, there.stderr).toBe(0);
    expect(there.stdout).not.toContain('cannot pull until then');
  });

  it('which names this cluster too when the run skips the step that stores the key in it', slow, async () => {
    for (const key of cli.world.aws.identities.keys.values())
      if (key.user.name === 'image-puller') key.active = false;
    const { code, stdout, stderr } = await cli.run('up --yes --only image-puller-key');
    expect(code, stderr).toBe(0);
    expect(stdout.match(/Run `ecr-bootstrap up` for cluster .*: it cannot pull until then/g)).toHaveLength(2);
    for (const env of [{}, second.env]) expect((await cli.run('up --yes', { env })).code).toBe(0);
  });
});

describe('a second cluster whose first up was interrupted after it got the key', () => {
  let cli: Cli;
  let second: Second;
  beforeAll(async () => {
    ({ cli, second } = await openWithSecond());
    const stop = new AbortController();
    const forget = cli.world.faults.onCall(({ operation }) => {
      if (operation === 'patch clusterexternalsecrets') stop.abort(new Error('Ctrl-C'));
    });
    expect((await cli.run('up --yes', { env: second.env, signal: stop.signal })).code).toBe(130);
    forget();
    await second.cluster.settled();
  }, slow.timeout);
  afterAll(async () => {
    second.cluster.close();
    await cli.close();
  });

  const old = () =>
    [...cli.world.aws.identities.keys.values()].find(({ user }) => user.name === 'image-puller');
  const waitingFor = /kubernetes-admin@sandbox \(\w{8}\), not verified since/;

  it('is registered, and status reports it as unverified with a fix', slow, async () => {
    const { code, document } = await cli.json('status --only registration', { env: second.env });
    expect(code).toBe(3);
    const text = JSON.stringify(document);
    expect(text.match(/"level":"failed"/g)).toHaveLength(1);
    expect(text).toMatch(/a run stopped before every namespace had a token of access key/);
    expect(text).toContain('"hint":"ecr-bootstrap up"');
  });

  it('protects the project, so that down --aws for the first cluster is refused', slow, async () => {
    for (const line of ['down --aws --yes', 'down --delete-images --yes']) {
      const { code, stderr } = await cli.run(line);
      expect(code).toBe(2);
      expect(stderr).toMatch(waitingFor);
    }
  });

  it('keeps its key enabled while the first cluster rotates, until up has verified it', slow, async () => {
    const key = old();
    const first = await cli.run('rotate --yes');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toMatch(waitingFor);
    expect(key?.active).toBe(true);
    expect((await cli.run('up --yes -q', { env: second.env })).code).toBe(0);
    expect((await cli.run('up --dry-run --exit-code', { env: second.env })).code).toBe(0);
    expect((await cli.run('rotate --yes')).code).toBe(0);
    expect(key?.active).toBe(false);
  });
});

describe('a cluster that has the key and is not registered', () => {
  let cli: Cli;
  let unregistered: readonly string[];
  beforeEach(async () => {
    cli = await openCli({}, { fast: true, config: 'images: { exclude: [registry.k8s.io/*] }' });
    expect((await cli.run('up --yes -q')).code).toBe(0);
    const tags = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags;
    for (const tag of tags?.keys() ?? []) if (tag.startsWith('ecr-bootstrap:cluster/')) tags?.delete(tag);
    unregistered = watchRegistration(cli.world);
  }, slow.timeout);
  afterEach(() => cli.close());

  const verified = /^AKIA\w+ \S+ kubernetes-admin@sandbox /;
  const writes = (): readonly string[] => unregistered.filter((call) => !/leases|reviews/.test(call));

  it.each(['rotate --yes', 'rotate --force --yes'])('is registered by %s', slow, async (line) => {
    const { code, stdout, stderr } = await cli.run(line);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('+ cluster registration');
    expect(registrationOf(cli.world)).toMatch(verified);
    expect(writes()).not.toContain('patch secrets external-secrets/image-puller');
  });

  it('is registered by up before any other change', slow, async () => {
    expect((await cli.run('up --yes')).code).toBe(0);
    expect(registrationOf(cli.world)).toMatch(verified);
    expect(writes()).toEqual(['TagResource image-puller-AWS_ACCESS_KEY_ID']);
  });

  it('makes up refuse to skip the registration', slow, async () => {
    for (const line of [
      '--only service-accounts',
      '--skip registration,pull-secret-bootstrap',
      '--only operator',
    ]) {
      const { code, document } = await cli.json(`up --yes ${line}`);
      expect(code, line).toBe(2);
      expect(document.error).toMatchObject({
        code: 'usage',
        what: 'could not skip the step registration',
        why: expect.stringContaining('the cluster holds the access key and is not registered') as string,
      });
    }
    const aws = 'power-user,image-puller,repositories,operator-image,image-puller-key';
    const split = await cli.run(`up --yes --only ${aws}`);
    expect(split.code, split.stderr).toBe(0);
  });
});

describe('a copy of a whole cluster, which has the same UID', () => {
  let cli: Cli;
  let copy: Second;
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
    copy = addCluster(cli);
    const [own, other] = [cli.world.cluster, copy.cluster].map((one) => one.get('Namespace', 'kube-system'));
    if (own && other) Object.assign(other.metadata, { uid: own.metadata.uid });
    for (const env of [{}, copy.env]) expect((await cli.run('up --yes -q', { env })).code).toBe(0);
  }, slow.timeout);
  afterAll(async () => {
    copy.cluster.close();
    await cli.close();
  });

  it(
    'counts as the same cluster: rotate does not wait for it, and up there gives it the new key',
    slow,
    async () => {
      const rotated = await cli.run('rotate --yes');
      expect(rotated.code, rotated.stderr).toBe(0);
      expect(rotated.stdout).not.toContain('stays enabled');
      cli.world.clock.advance(2 * hour);
      await copy.cluster.settled();
      expect((await cli.run('status', { env: copy.env })).code).toBe(3);
      const there = await cli.run('up --yes', { env: copy.env });
      expect(there.code, there.stderr).toBe(0);
      expect((await cli.run('status', { env: copy.env })).code).toBe(0);
      expect((await cli.run('status')).code).toBe(0);
    },
  );

  it(
    'loses the registration of both through down, and status in the other cluster reports that',
    slow,
    async () => {
      expect((await cli.run('down --yes', { env: copy.env })).code).toBe(0);
      const seen = await cli.run('status');
      expect(seen.code).toBe(3);
      expect(seen.stdout).toContain('cluster registration');
      expect((await cli.run('up --yes')).code).toBe(0);
      expect((await cli.run('status')).code).toBe(0);
    },
  );
});

describe('one project in two regions of an account', () => {
  it('needs separate users in the second region, and up says so before any change', slow, async () => {
    const cli = await openCli({}, { fast: true });
    try {
      const only = '--only power-user,image-puller';
      expect((await cli.run(`up --yes -q ${only}`)).code).toBe(0);
      const { users, policies } = cli.world.aws.identities;
      const made = [...users.values(), ...policies.values()].filter(({ tags }) =>
        tags.has('ecr-bootstrap:region'),
      );
      expect(made).toHaveLength(4);
      for (const { tags } of made) tags.set('ecr-bootstrap:region', 'us-east-1');
      cli.world.faults.calls.splice(0);
      const { code, stderr } = await cli.run('up --yes');
      expect(code).toBe(2);
      expect(changeRequests(cli.world)).toEqual([]);
      expect(stderr).toContain('it belongs to project shop in us-east-1');
      for (const key of ['users.powerUser.name', 'users.imagePuller.name'])
        expect(stderr).toContain(`Set ${key}`);
      const down = await cli.run('down --yes --aws --delete-images --delete-secrets');
      expect(down.code, down.stderr).toBe(0);
      expect([...users.keys()]).toEqual(expect.arrayContaining(['power-user', 'image-puller']));
    } finally {
      await cli.close();
    }
  });
});

describe('two projects in one account', () => {
  let cli: Cli;
  let second: Second;
  const of = (project: string) => ({ env: { ...second.env, ECR_BOOTSTRAP_PROJECT: project } });
  beforeAll(async () => {
    ({ cli, second } = await openWithSecond());
  }, slow.timeout);
  afterAll(async () => {
    second.cluster.close();
    await cli.close();
  });

  it('stop up for the second before any change, with the settings to change', slow, async () => {
    cli.world.faults.calls.splice(0);
    const { code, stderr } = await cli.run('up --yes', of('office'));
    expect(code).toBe(2);
    expect(changeRequests(cli.world)).toEqual([]);
    expect(stderr).toContain('it belongs to project shop in eu-west-1');
    for (const key of ['users.powerUser.name', 'users.imagePuller.name'])
      expect(stderr).toContain(`Set ${key}`);
  });

  it('work with these settings, each with its own users, keys, secrets and images', slow, async () => {
    const file = join(cli.folder, 'office.yaml');
    const users = '{ powerUser: { name: office-pusher }, imagePuller: { name: office-puller } }';
    writeFileSync(file, `project: office\nusers: ${users}\n`);
    const env = { ...second.env, ECR_BOOTSTRAP_CONFIG: file, ECR_BOOTSTRAP_PROJECT: undefined };
    const { code, stderr } = await cli.run('up --yes -q', { env });
    expect(code, stderr).toBe(0);
    const { identities, registry, secrets } = cli.world.aws;
    expect([...identities.users.keys()]).toEqual(
      expect.arrayContaining(['power-user', 'image-puller', 'office-pusher', 'office-puller']),
    );
    expect(secrets.get('office-puller-AWS_ACCESS_KEY_ID')).toBeDefined();
    expect(registry.repositories.has('office/external-secrets')).toBe(true);
    for (const options of [{}, { env }]) {
      for (const line of ['up --dry-run --exit-code', 'status', 'rotate --yes']) {
        const ran = await cli.run(line, options);
        expect(ran.code, `${line}: ${ran.stdout}${ran.stderr}`).toBe(0);
      }
    }
  });

  it("cannot read each other's images and secrets", slow, async () => {
    const config = dockerConfig(second.cluster, 'shop');
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
    cli = await openCli({}, { fast: true });
  });
  afterAll(() => cli.close());

  it('stops before its next change, names the holder, and the next run resumes', slow, async () => {
    const { clock, cluster, faults } = cli.world;
    // The test advances the timer of the renewals itself.
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
    const { code, stderr } = await cli.run('up --yes');
    vi.useRealTimers();
    stop();
    expect(code).toBe(1);
    expect(stderr).toMatch(/keep the lease .*\n.*ann@elsewhere\/1 has held it since/);
    expect(cluster.get('Namespace', 'external-secrets')).toBeUndefined();
    expect(cluster.get('Lease', 'ecr-bootstrap', 'kube-system')?.['spec']).toMatchObject({
      holderIdentity: 'ann@elsewhere/1',
    });
    const again = await cli.run('up --yes');
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
    cli = await openCli({}, { fast: true });
  });
  afterAll(() => cli.close());

  const ref = ['Lease', 'ecr-bootstrap', 'kube-system'] as const;

  it(
    'do not interfere: the second one waits for the first one and reports who holds the lease',
    slow,
    async () => {
      const runs = await Promise.all([cli.run('up --yes'), cli.run('up --yes')]);
      expect(runs.map(({ code }) => code).sort()).toEqual([0, 2]);
      const refused = runs.find(({ code }) => code === 2);
      expect(refused?.stderr).toMatch(/\S+@\S+\/[0-9a-f]{8} has held it since \d{4}-/);
      expect((await cli.run('up --dry-run --exit-code')).code).toBe(0);
      expect(cli.world.cluster.get(...ref)).toBeUndefined();
    },
  );

  it('take the lease of a killed run, after a warning that names the run they wait for', slow, async () => {
    const { clock, cluster } = cli.world;
    const renewTime = new Date(clock.now()).toISOString();
    const spec = { holderIdentity: 'ann@elsewhere/1', leaseDurationSeconds: 30, renewTime };
    cluster.put({ kind: 'Lease', metadata: { name: 'ecr-bootstrap', namespace: 'kube-system' }, spec });
    cluster.put({ kind: 'ServiceAccount', metadata: { name: 'new', namespace: 'shop' } });
    const { code, stderr } = await cli.run('up --yes --only service-accounts');
    expect(code).toBe(0);
    expect(stderr).toMatch(/ann@elsewhere\/1 has held the lease .* for that run to end/);
  });
});
