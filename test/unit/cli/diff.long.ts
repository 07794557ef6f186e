import stringWidth from 'fast-string-width';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: whole runs. */
const slow = { timeout: 240_000 };

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

/** What is copied and pasted is never broken. */
const isWhole = /^\s*(ecr-bootstrap|Digest:) /;

/** The lines of the plan below a change, up to the next change or step. */
function blockOf(plan: string, change: string): string[] {
  const lines = plan.split('\n');
  const start = lines.indexOf(`  ${change}`);
  expect(start, `${change} in ${plan}`).toBeGreaterThanOrEqual(0);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('      '));
  return lines.slice(start + 1, end).map((line) => line.slice(6));
}

/** The secret values in AWS and in Secrets of the cluster, as they are stored. */
function secretValues(): string[] {
  const { aws, cluster } = cli.world;
  const keys = [...aws.identities.keys.values()].map(({ secret }) => secret);
  const data = ['image-puller', 'puller'].flatMap((name) => {
    const stored = cluster.get('Secret', name, 'external-secrets') as
      { data?: Record<string, string> } | undefined;
    return Object.entries(stored?.data ?? {}).flatMap(([key, value]) => (key === 'REGION' ? [] : [value]));
  });
  return [...keys, ...data];
}

describe('up --diff', () => {
  it('shows policies and objects that are created in full', slow, async () => {
    const { code, stdout } = await cli.run('up --dry-run --diff');
    expect(code).toBe(0);
    const policy = blockOf(stdout, '+ IAM policy ecr-bootstrap-image-puller');
    expect(policy[0]).toMatch(/^@@ -0,0 \+1,\d+ @@$/);
    const document = policy
      .slice(1)
      .map((line) => line.slice(1))
      .join('\n');
    expect(JSON.parse(document)).toMatchObject({
      Version: '2012-10-17',
      Statement: [{ Sid: 'RegistryToken' }, {}, {}],
    });
    expect(blockOf(stdout, '+ Deployment external-secrets/external-secrets')).toContain('+kind: Deployment');
    expect(stdout).toContain('+  name: puller');
  });

  it('shows exactly what drifted, and in JSON too', slow, async () => {
    expect((await cli.run('up --yes --diff -q')).code).toBe(0);
    const { aws, cluster } = cli.world;
    const policy = [...aws.identities.policies.values()].find(
      ({ name }) => name === 'ecr-bootstrap-image-puller',
    );
    for (const [id, { document, created }] of policy?.versions ?? []) {
      const other = document.replace('ecr:BatchGetImage', 'ecr:PutImage');
      policy?.versions.set(id, { document: other, created });
    }
    const store = cluster.get('ECRAuthorizationToken', 'image-puller', 'external-secrets');
    cluster.put({ ...store!, spec: { ...(store?.['spec'] as object), region: 'us-east-1' } });
    const account = cluster.get('ServiceAccount', 'default', 'default');
    cluster.put({ ...account!, imagePullSecrets: [{ name: 'mine' }] });
    const { stdout } = await cli.run('up --dry-run --diff');
    const changed = (change: string) => blockOf(stdout, change).filter((line) => /^[-+]/.test(line));
    expect(changed('~ IAM policy ecr-bootstrap-image-puller')).toEqual([
      '-        "ecr:PutImage",',
      '+        "ecr:BatchGetImage",',
    ]);
    expect(changed('~ ECRAuthorizationToken external-secrets/image-puller')).toEqual([
      '-  region: us-east-1',
      '+  region: eu-west-1',
    ]);
    expect(changed('~ ServiceAccount default/default')).toEqual(['+  - name: puller']);
    const { document } = await cli.json('up --dry-run --diff');
    expect(JSON.stringify(document['plan'])).toContain('"-  region: us-east-1"');
    expect(JSON.stringify((await cli.json('up --dry-run')).document)).not.toContain('"diff"');
  });

  it('shows which values of a Secret differ, and no value', slow, async () => {
    const { cluster } = cli.world;
    const key = cluster.get('Secret', 'image-puller', 'external-secrets') as unknown as {
      data: Record<string, string>;
    };
    const other = Buffer.from('wJalrXUtnFEMIwJalrXUtnFEMI').toString('base64');
    cluster.put({
      ...key,
      kind: 'Secret',
      metadata: {
        name: 'image-puller',
        namespace: 'external-secrets',
        labels: { 'app.kubernetes.io/managed-by': 'ecr-bootstrap' },
      },
      data: { ...key.data, AWS_SECRET_ACCESS_KEY: other },
    });
    for (const line of ['up --dry-run --diff -v', 'up --dry-run --diff -o json', 'up --yes --diff -v']) {
      const { stdout, stderr } = await cli.run(line);
      expect(stdout).toContain('AWS_ACCESS_KEY_ID: (secret, unchanged)');
      expect(stdout).toContain('-  AWS_SECRET_ACCESS_KEY: (secret, present value)');
      expect(stdout).toContain('+  AWS_SECRET_ACCESS_KEY: (secret, new value)');
      for (const value of [...secretValues(), other, 'wJalrXUtnFEMI'])
        expect(stdout + stderr).not.toContain(value);
    }
  });

  it.each([40, 80, 500])('fits a terminal of %i columns', slow, async (columns) => {
    const empty = await openCli({}, { fast: true });
    const { stdout } = await empty.run('up --dry-run --diff', { columns });
    expect(stdout.split('\n').filter((line) => stringWidth(line) > columns && !isWhole.test(line))).toEqual(
      [],
    );
    await empty.close();
  });
});
