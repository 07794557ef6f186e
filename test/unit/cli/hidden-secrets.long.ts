import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

const slow = { timeout: 240_000 };

let cli: Cli;
beforeEach(async () => {
  cli = await openCli({}, { fast: true, config: 'images: { exclude: [registry.k8s.io/*] }\n' });
  expect((await cli.run('up --yes -q')).code).toBe(0);
}, slow.timeout);
afterEach(() => cli.close());

const keys = () =>
  [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');

/**
 * Schedules the three secrets for deletion, as a user would. With `forget`, they lose the tags that register
 * clusters.
 */
function scheduleDeletion({ forget = false } = {}): void {
  const now = cli.world.clock.now();
  for (const secret of cli.world.aws.secrets.all()) {
    secret.deletion = { at: now, gone: now + 30 * 86_400_000 };
    if (forget) for (const tag of secret.tags.keys()) if (tag.includes('cluster')) secret.tags.delete(tag);
  }
}

it('status does not suggest deleting a key while the secrets are scheduled for deletion', slow, async () => {
  scheduleDeletion({ forget: true });
  const { code, stdout } = await cli.run('status');
  expect(code).toBe(3);
  expect(stdout).toContain('it is unknown whether ecr-bootstrap manages access key');
  expect(stdout).not.toContain('delete-access-key');
});

it('down --delete-secrets is refused while the key exists, and --aws removes both', slow, async () => {
  const refused = await cli.run('down --yes --delete-secrets');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('ecr-bootstrap down --aws --delete-secrets');
  expect(cli.world.aws.secrets.all().some(({ deletion }) => deletion)).toBe(false);
  expect(keys()).toHaveLength(1);
  cli.world.clock.advance(25 * 3_600_000);
  const both = await cli.run('down -v --yes --aws --delete-secrets');
  expect(both.code, both.stderr).toBe(0);
  expect(keys()).toEqual([]);
});

it(
  'down --aws deletes the registered key even when the secrets are scheduled for deletion',
  slow,
  async () => {
    scheduleDeletion();
    const { code, stderr } = await cli.run('down --yes --aws');
    expect(code, stderr).toBe(0);
    expect(keys()).toEqual([]);
    const again = await cli.run('down --yes --aws');
    expect(again.code, again.stderr).toBe(0);
  },
);

it('down --aws asks to restore the secrets when nothing shows whether the key is managed', slow, async () => {
  scheduleDeletion({ forget: true });
  const { code, stderr, stdout } = await cli.run('down --yes --aws');
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain(
    'aws secretsmanager restore-secret --secret-id image-puller-AWS_ACCESS_KEY_ID',
  );
  expect(keys().map(({ active }) => active)).toEqual([true]);
});

it('down --aws is refused when the secret that registers the clusters has lost its tags', slow, async () => {
  const tags = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID')?.tags;
  tags?.clear();
  for (const line of ['down --yes --aws', 'down --yes --delete-images']) {
    const { code, stderr } = await cli.run(line);
    expect(code, line).toBe(2);
    expect(stderr).toContain('it is unknown which clusters use the project');
    expect(stderr).toContain("ecr-bootstrap up --adopt 'AWS secret image-puller-AWS_ACCESS_KEY_ID'");
  }
  expect(keys().map(({ active }) => active)).toEqual([true]);
  const adopt = ['up', '--yes', '--adopt', 'AWS secret image-puller-AWS_ACCESS_KEY_ID'];
  expect((await cli.run(adopt)).code).toBe(0);
  expect((await cli.run('down --yes --aws')).code).toBe(0);
  expect(keys()).toEqual([]);
});

it('down names a registration that it cannot remove', slow, async () => {
  scheduleDeletion();
  const { code, stdout, stderr } = await cli.run('down --yes');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('the registration of this cluster is kept');
  expect(stdout).toContain('aws secretsmanager untag-resource --secret-id image-puller-AWS_ACCESS_KEY_ID');
});

it('down --aws keeps an unmanaged user, its key and its secrets', slow, async () => {
  const { identities, secrets } = cli.world.aws;
  for (const user of identities.users.values()) user.tags.clear();
  for (const secret of secrets.all()) secret.tags.clear();
  const { code, stdout, stderr } = await cli.run('down -v --yes --aws --delete-secrets');
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('IAM user image-puller and its policy are kept');
  expect(stdout).toContain('secret image-puller-AWS_ACCESS_KEY_ID is kept');
  expect(keys().map(({ active }) => active)).toEqual([true]);
});

it(
  'down --delete-images is refused while the secrets that register clusters cannot be listed',
  slow,
  async () => {
    cli.world.faults.plan({ kind: 'deny', operation: 'ListSecrets' });
    const { code, stderr } = await cli.run('down --yes --delete-images');
    expect(code).toBe(2);
    expect(stderr).toContain('it is unknown which clusters use the project');
    expect(cli.world.aws.registry.repositories.size).toBeGreaterThan(0);
  },
);

it(
  'up is refused before any change when the secret has no room for the tag of its registration',
  slow,
  async () => {
    expect((await cli.run('down --yes')).code).toBe(0);
    const id = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID');
    for (let n = 0; (id?.tags.size ?? 50) < 50; n += 1) {
      const other = `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
      id?.tags.set(`ecr-bootstrap:cluster/${other}`, 'AKIAOTHER:0.1:other');
    }
    const changes = cli.world.faults.changes.length;
    const { code, stderr } = await cli.run('up --yes');
    expect(code, stderr).toBe(2);
    expect(cli.world.faults.changes.slice(changes)).toEqual([]);
  },
);
