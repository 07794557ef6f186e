import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

const patient = { timeout: 240_000 };

let cli: Cli;
beforeEach(async () => {
  cli = await openCli({}, { hurried: true, config: 'images: { exclude: [registry.k8s.io/*] }\n' });
  expect((await cli.run('up --yes -q')).code).toBe(0);
}, patient.timeout);
afterEach(() => cli.close());

const keys = () =>
  [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');

/** A person schedules the three secrets for deletion; their tags are lost where `forget` asks for it. */
function scheduleDeletion({ forget = false } = {}): void {
  const now = cli.world.clock.now();
  for (const secret of cli.world.aws.secrets.all()) {
    secret.deletion = { at: now, gone: now + 30 * 86_400_000 };
    if (forget) for (const tag of secret.tags.keys()) if (tag.includes('cluster')) secret.tags.delete(tag);
  }
}

it('status advises to delete no key while the secrets are scheduled for deletion', patient, async () => {
  scheduleDeletion({ forget: true });
  const { code, stdout } = await cli.run('status');
  expect(code).toBe(3);
  expect(stdout).toContain('it is unknown whether ecr-bootstrap manages access key');
  expect(stdout).not.toContain('delete-access-key');
});

it('down --delete-secrets is refused while the key exists, and --aws removes both', patient, async () => {
  const refused = await cli.run('down --yes --delete-secrets');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('ecr-bootstrap down --aws --delete-secrets');
  expect(cli.world.aws.secrets.all().some(({ deletion }) => deletion)).toBe(false);
  expect(keys()).toHaveLength(1);
  cli.world.clock.advance(25 * 3_600_000);
  const both = await cli.run('down --yes --aws --delete-secrets');
  expect(both.code, both.stderr).toBe(0);
  expect(keys()).toEqual([]);
});

it(
  'down --aws removes the key that is registered, although the secrets are scheduled for deletion',
  patient,
  async () => {
    scheduleDeletion();
    const { code, stderr } = await cli.run('down --yes --aws');
    expect(code, stderr).toBe(0);
    expect(keys()).toEqual([]);
    const again = await cli.run('down --yes --aws');
    expect(again.code, again.stderr).toBe(0);
  },
);

it('down --aws asks for the secrets when nothing shows whether the key is managed', patient, async () => {
  scheduleDeletion({ forget: true });
  const { code, stderr, stdout } = await cli.run('down --yes --aws');
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain(
    'aws secretsmanager restore-secret --secret-id image-puller-AWS_ACCESS_KEY_ID',
  );
  expect(keys().map(({ active }) => active)).toEqual([true]);
});
