import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { User } from '../../../sandbox/aws/identities.ts';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: a whole `up` runs before the first test. */
const slow = { timeout: 120_000 };

type Level = 'ok' | 'warning' | 'failed' | 'unknown';

let cli: Cli;
const keys = new Map<string, Record<string, string>>();
beforeAll(async () => {
  cli = await openCli({}, { fast: true, config: 'aws: { tags: { team: shop } }' });
  expect((await cli.run('up --yes -q')).code).toBe(0);
  const { identities } = cli.world.aws;
  const monitor = identities.addUser('monitor');
  monitor.attached.add(arnOf('ecr-bootstrap-power-user'));
  for (const name of ['power-user', 'image-puller', 'monitor']) keys.set(name, credentialsOf(userOf(name)));
}, slow.timeout);
afterAll(() => cli.close());

const arnOf = (policy: string): string => cli.world.aws.identities.arn('policy', '/', policy);

function userOf(name: string): User {
  const user = cli.world.aws.identities.users.get(name);
  if (!user) throw new Error(`no user ${name}`);
  return user;
}

function credentialsOf(user: User): Record<string, string> {
  const { id, secret } = cli.world.aws.identities.addKey(user);
  return { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret };
}

/** Changes the image puller's policy as a user of the AWS console would. */
function rewritePolicy(edit: (statements: object[]) => object[]): void {
  const policy = cli.world.aws.identities.policies.get(arnOf('ecr-bootstrap-image-puller'));
  const version = policy?.versions.get(policy.defaultVersion);
  if (!policy || !version) throw new Error('no policy');
  const { Statement } = JSON.parse(version.document) as { Statement: object[] };
  const document = JSON.stringify({ Version: '2012-10-17', Statement: edit(Statement) });
  policy.versions.set(policy.defaultVersion, { ...version, document });
}

const drifts: Readonly<Record<string, () => void>> = {
  'a policy that allows more': () =>
    rewritePolicy((all) => [...all, { Sid: 'More', Effect: 'Allow', Action: 's3:*', Resource: '*' }]),
  'a policy that allows too little': () => rewritePolicy((all) => all.slice(1)),
  'a policy that is not attached': () => userOf('image-puller').attached.clear(),
  'a tag of the user': () => userOf('image-puller').tags.delete('team'),
  'a policy of another owner': () => {
    userOf('image-puller').attached.add('arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser');
  },
};

const worst = (levels: readonly Level[]): Level =>
  (['failed', 'unknown', 'warning'] as const).find((level) => levels.includes(level)) ?? 'ok';

/** @returns the worst level that `status` finds about the image puller, and its exit code */
async function seenBy(caller: string): Promise<{ level: Level; code: number }> {
  const { code, document } = await cli.json('status --only image-puller', { env: keys.get(caller) ?? {} });
  const { steps } = document['status'] as { steps: { findings: { level: Level }[] }[] };
  return { level: worst(steps.flatMap(({ findings }) => findings.map(({ level }) => level))), code };
}

describe('the severity of a finding', () => {
  beforeEach(async () => {
    const user = userOf('image-puller');
    user.attached.clear();
    expect((await cli.run('up --yes -q --only image-puller --adopt-all')).code).toBe(0);
  });

  it.each(Object.entries(drifts))('does not depend on the caller: %s', slow, async (_, corrupt) => {
    corrupt();
    const administrator = await seenBy('administrator');
    expect(administrator.level).not.toBe('ok');
    expect(await seenBy('power-user')).toEqual(administrator);
    expect(await seenBy('monitor')).toEqual(administrator);
    expect(await seenBy('image-puller')).toEqual({ level: 'unknown', code: 3 });
  });

  it('is ok for every caller when the configuration is in effect and readable', async () => {
    for (const caller of ['administrator', 'power-user', 'monitor']) {
      expect(await seenBy(caller)).toEqual({ level: 'ok', code: 0 });
    }
    expect(await seenBy('image-puller')).toEqual({ level: 'unknown', code: 3 });
  });

  it.each(['power-user', 'monitor'])(
    'makes up by %s repair the rest, report what an administrator has to do, and exit with 1',
    slow,
    async (caller) => {
      drifts['a policy that allows more']?.();
      const { cluster, aws } = cli.world;
      aws.registry.repositories.delete('shop/docker.io/library/nginx');
      cluster.delete('ClusterExternalSecret', 'puller');
      const { code, stdout } = await cli.run('up --yes', { env: keys.get(caller) ?? {} });
      expect(code, stdout).toBe(1);
      expect(aws.registry.repositories.has('shop/docker.io/library/nginx')).toBe(true);
      expect(cluster.get('ClusterExternalSecret', 'puller')).toBeDefined();
      expect(stdout).toContain('Run `ecr-bootstrap up` as an administrator');
      expect((await cli.run('up --yes', { env: keys.get(caller) ?? {} })).code).toBe(1);
    },
  );
});
