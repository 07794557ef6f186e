import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KeyPair } from '../../../sandbox/ports.ts';
import type { Repository } from '../../../sandbox/registry/storage.ts';
import { setUpManually } from '../../support/manual-setup.ts';
import { changeRequests } from '../../support/change-requests.ts';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: some tests run a whole `up`. */
const slow = { timeout: 240_000 };

/** The words of a command line that was quoted for a shell. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

/** What can be pulled from a repository. */
const imagesIn = (repository?: Repository) => ({
  tags: [...(repository?.tags ?? [])].map(([tag, digest]) => `${tag} ${digest}`),
  manifests: [...(repository?.manifests.keys() ?? [])],
  blobs: [...(repository?.blobs.keys() ?? [])],
});

describe('a manual setup', () => {
  let cli: Cli;
  let key: KeyPair;
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
    key = setUpManually(cli.world);
  });
  afterAll(() => cli.close());

  const changes = () => changeRequests(cli.world);
  const valueOf = (name: string) => {
    const secret = cli.world.aws.secrets.get(`image-puller-${name}`);
    return secret?.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value;
  };
  let line = '';

  it(
    'stops the run before its first change, with one table and the command that adopts everything',
    slow,
    async () => {
      const { code, stdout, stderr } = await cli.run('up --yes --project shop');
      expect(code, stderr).toBe(2);
      expect(changes()).toEqual([]);
      expect(stdout).not.toContain('~ Namespace external-secrets');
      const table = stdout.slice(stdout.indexOf('EXISTING RESOURCE'));
      expect(table).toMatch(/^IAM user image-puller +unknown +none$/m);
      expect(table).toMatch(/^IAM policy ecr-bootstrap-image-puller +unknown +document\./m);
      expect(table).toMatch(/^3 × AWS secret \(image-puller-AWS_ACCESS_KEY_ID, …\) +unknown +version$/m);
      expect(table).toMatch(/^ECR repository shop\/external-secrets +unknown/m);
      expect(table).toMatch(/^Secret external-secrets\/puller +unknown +type \(recreated\)$/m);
      expect(table).toMatch(/^16 × CustomResourceDefinition \(.*\) +Helm/m);
      expect(table).toMatch(/^Namespace external-secrets +unknown/m);
      expect(table).toContain(
        '`down` keeps adopted resources in AWS, and deletes adopted resources in the cluster.',
      );
      line = /^ +(ecr-bootstrap up .*)$/m.exec(table)?.[1] ?? '';
      expect(line).toContain("ecr-bootstrap up --yes --project shop --adopt 'IAM user power-user'");
      expect(stderr).toContain('not managed by ecr-bootstrap');
    },
  );

  it('is listed in the JSON document with that command', slow, async () => {
    const { document } = await cli.json('up --yes --project shop');
    expect(document.error?.code).toBe('unmanaged');
    const { adoptBy, steps } = document['plan'] as { adoptBy: string; steps: { unmanaged?: object[] }[] };
    expect(wordsOf(adoptBy)).toEqual(expect.arrayContaining(['--adopt', 'IAM user image-puller']));
    expect(steps.flatMap(({ unmanaged = [] }) => unmanaged)).toContainEqual(
      expect.objectContaining({ adopts: { owner: 'Helm' } }),
    );
  });

  it('is reported by status', slow, async () => {
    const { code, stdout } = await cli.run('status -v');
    expect(code).toBe(3);
    expect(stdout).toContain('IAM user image-puller already exists and is not managed by ecr-bootstrap');
  });

  it('is not adopted in part, because the remaining unmanaged resources stop the run', slow, async () => {
    const { code, stdout } = await cli.run(['up', '--yes', '--adopt', 'IAM user image-puller']);
    expect(code).toBe(2);
    expect(stdout).toContain('~ IAM user image-puller (adopted)');
    expect(changes()).toEqual([]);
  });

  it(
    'is managed and as configured once the command has run, and keeps its key, secrets and images',
    slow,
    async () => {
      const secrets = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'REGION'];
      const before = secrets.map(valueOf);
      const { aws, cluster } = cli.world;
      const images = () => imagesIn(aws.registry.repositories.get('shop/external-secrets'));
      const pushed = images();
      const uid = cluster.get('Deployment', 'external-secrets', 'external-secrets')?.metadata.uid;
      const { code, stdout, stderr } = await cli.run(wordsOf(line).slice(1));
      expect(code, stderr + stdout).toBe(0);
      expect(stdout).not.toContain('is used but not managed');
      const adopted = [...stdout.matchAll(/^ {2}[~/+-]+ (.+?) \(adopted/gm)].map(([, name]) => name);
      expect(new Set(adopted).size).toBe(adopted.length);
      for (const name of adopted) expect(stdout).not.toContain(`✗ ${name} `);
      expect(secrets.map(valueOf)).toEqual(before);
      expect(
        [...aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller'),
      ).toMatchObject([{ id: key.accessKeyId, active: true }]);
      expect(pushed.tags).toHaveLength(1);
      expect(images()).toEqual({
        tags: expect.arrayContaining(pushed.tags) as unknown,
        manifests: expect.arrayContaining(pushed.manifests) as unknown,
        blobs: expect.arrayContaining(pushed.blobs) as unknown,
      });
      expect(aws.identities.users.get('image-puller')?.tags.get('ecr-bootstrap:project')).toBe('shop');
      expect(cluster.get('Deployment', 'external-secrets', 'external-secrets')?.metadata.uid).toBe(uid);
      const [, created = 0, updated = 0, replaced = 0] =
        /^Plan: (\d+) to create, (\d+) to update, (\d+) to replace, 0 to delete\./m.exec(stdout) ?? [];
      const [, counts = '', late = 0] =
        /^Done in [^:]+: (.*), 0 skipped(?:;\s(\d+)\sof\sthem[^.]*)?\.$/ms.exec(stdout) ?? [];
      const done = [...counts.matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0);
      expect(done - Number(late)).toBe(Number(created) + Number(updated) + Number(replaced));
      expect(cluster.get('Namespace', 'external-secrets')?.metadata.labels).toMatchObject({
        'app.kubernetes.io/managed-by': 'ecr-bootstrap',
      });
    },
  );

  it(
    'needs no change afterwards, and the plan names what still belongs to Helm and others',
    slow,
    async () => {
      const plan = await cli.run('up --dry-run --exit-code -v');
      expect(plan.code, plan.stdout).toBe(0);
      expect(plan.stdout).toContain('the operator still belongs to Helm release external-secrets');
      expect(plan.stdout).toContain('detach-user-policy');
      const status = await cli.run('status');
      expect(status.code, status.stdout).toBe(0);
    },
  );
});

describe('adopted resources', () => {
  let cli: Cli;
  let key: KeyPair;
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
    key = setUpManually(cli.world);
    const { code, stdout, stderr } = await cli.run('up --yes --adopt-all');
    expect(code, stderr + stdout).toBe(0);
  }, slow.timeout);
  afterAll(() => cli.close());

  it('stay in AWS after down, without the tags and policies of ecr-bootstrap', slow, async () => {
    const { aws } = cli.world;
    const { code, stdout, stderr } = await cli.run('down --yes -v --aws --delete-images --delete-secrets');
    expect(code, stderr + stdout).toBe(0);
    expect(stdout).toContain('~ IAM user image-puller (adopted, so it is kept)');
    expect([...aws.identities.users.keys()].sort()).toEqual(['admin', 'image-puller', 'power-user']);
    expect(aws.identities.keys.get(key.accessKeyId)).toMatchObject({ active: true });
    expect([...(aws.identities.users.get('power-user')?.attached ?? [])]).toEqual([]);
    const policies = [...aws.identities.policies.values()].filter(({ arn }) =>
      arn.includes(cli.world.account),
    );
    expect(policies.map(({ name }) => name)).toEqual(['ecr-bootstrap-image-puller']);
    expect([...aws.registry.repositories.keys()]).toEqual(['shop/external-secrets']);
    const secrets = aws.secrets.all();
    expect(secrets.map(({ deletion }) => deletion)).toEqual([undefined, undefined, undefined]);
    const tags = [
      ...[...aws.identities.users.values()].map((user) => user.tags),
      ...policies.map((policy) => policy.tags),
      ...[...aws.registry.repositories.values()].map(({ awsTags }) => awsTags),
      ...secrets.map((secret) => secret.tags),
    ];
    expect(tags.flatMap((one) => [...one.keys()])).toEqual([]);
  });
});

describe('an unmanaged pull secret in another namespace', () => {
  let cli: Cli;
  const make = (namespace: string, type: string): void => {
    const labels = { 'kubernetes.io/metadata.name': namespace };
    cli.world.cluster.put({ kind: 'Namespace', metadata: { name: namespace, labels } });
    const data = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') };
    cli.world.cluster.put({ kind: 'Secret', metadata: { name: 'puller', namespace }, type, data });
  };
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
    make('team-a', 'kubernetes.io/dockerconfigjson');
    make('team-b', 'Opaque');
  });
  afterAll(() => cli.close());

  const secretIn = (namespace: string) =>
    cli.world.cluster.get('Secret', 'puller', namespace) as
      { type?: string; data?: Record<string, string> } | undefined;

  it('is left unchanged by up, and status shows the command that adopts it', slow, async () => {
    const before = ['team-a', 'team-b'].map(secretIn);
    const { code, stderr } = await cli.run('up --yes');
    expect(code, stderr).toBe(0);
    expect(['team-a', 'team-b'].map(secretIn)).toEqual(before);
    const { stdout } = await cli.run('status -v');
    expect(stdout).toContain("ecr-bootstrap up --adopt 'Secret team-a/puller'");
  });

  it('is managed by the operator once it is adopted, whatever its type was', slow, async () => {
    const { code, stdout, stderr } = await cli.run(['up', '--yes', '--adopt', 'Secret team-*/puller']);
    expect(code, stderr + stdout).toBe(0);
    expect(stdout).toContain('~ Secret team-a/puller (adopted)');
    for (const namespace of ['team-a', 'team-b']) {
      expect(secretIn(namespace)?.type).toBe('kubernetes.io/dockerconfigjson');
      const config = Buffer.from(secretIn(namespace)?.data?.['.dockerconfigjson'] ?? '', 'base64').toString();
      const image = `${cli.world.registryHost}/shop/external-secrets:v0.12.1`;
      expect(await cli.world.images.pull(image, 'linux/amd64', [config])).toBe('pulled');
      const account = cli.world.cluster.get('ServiceAccount', 'default', namespace) as
        { imagePullSecrets?: object[] } | undefined;
      expect(account?.imagePullSecrets).toEqual([{ name: 'puller' }]);
    }
    const again = await cli.run('up --dry-run --exit-code');
    expect(again.code, again.stdout).toBe(0);
    expect((await cli.run('status')).code).toBe(0);
  });
});
