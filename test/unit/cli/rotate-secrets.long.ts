import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessKeys, onlyAccessKey, openInstalled, succeed } from '../../support/image-puller.ts';
import type { Cli } from '../../support/cli.ts';

/** Milliseconds: a whole `up` runs before the first test. */
const slow = { timeout: 240_000 };

const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'REGION'].map((end) => `image-puller-${end}`);
const losses = names.flatMap((name) => [
  ['scheduled for deletion', [name]] as const,
  ['deleted for good', [name]] as const,
]);

let cli: Cli;
beforeAll(async () => {
  cli = await openInstalled();
}, slow.timeout);
afterAll(() => cli.close());

type Loss = (typeof losses)[number][0];

function lose(loss: Loss, lost: readonly string[]): void {
  const { aws, clock } = cli.world;
  const now = clock.now();
  const gone = loss === 'deleted for good' ? now : now + 30 * 86_400_000;
  for (const name of lost) {
    const secret = aws.secrets.get(name);
    if (secret) secret.deletion = { at: now, gone };
  }
}

/** Access reviews and the lease do not count: they change no managed resource. */
const changes = (): string[] =>
  cli.world.faults.changes
    .map(({ operation }) => operation)
    .filter((operation) => !/reviews$|leases$/.test(operation));

const currentId = (): string | undefined => {
  const secret = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID');
  return secret?.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value;
};

describe.each([...losses, ['scheduled for deletion', names] as const])(
  'while secrets are %s: %s',
  (loss, lost) => {
    it('rotate --force first restores or recreates them, and replaces the key in one run', slow, async () => {
      const leaked = onlyAccessKey(cli);
      lose(loss, lost);
      const before = changes().length;
      const plan = await succeed(cli, 'rotate --force --yes');
      const restored = changes()
        .slice(before)
        .filter((operation) => /Secret$|AccessKey$/.test(operation));
      expect(restored.slice(0, lost.length)).toEqual(
        lost.map(() => (loss === 'deleted for good' ? 'CreateSecret' : 'RestoreSecret')),
      );
      expect(plan).toContain('AWS secret');
      expect(plan.indexOf('AWS secret')).toBeLessThan(plan.indexOf('IAM access key'));
      expect(onlyAccessKey(cli).id).not.toBe(leaked.id);
      expect(onlyAccessKey(cli).id).toBe(currentId());
      expect(await succeed(cli, 'up --dry-run')).toContain('Nothing would change');
    });
  },
);

/** Writes the value of one secret again, so that the three values come from different writes. */
function tear(): void {
  // A stage that an earlier rotation left would take precedence.
  for (const secret of cli.world.aws.secrets.all()) secret.moveStage('AWSPENDING', undefined);
  const secret = cli.world.aws.secrets.get(names[2] ?? '');
  const value = secret?.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value ?? '';
  secret?.put(value, ['AWSCURRENT'], cli.world.clock.now());
}

describe.each([
  ...losses
    .filter(([loss]) => loss === 'scheduled for deletion')
    .map(([loss, lost]) => ({ state: `${lost[0]} is ${loss}`, corrupt: () => lose(loss, lost) })),
  {
    state: 'the stored access key pair is incomplete',
    corrupt: () => lose('deleted for good', [names[2] ?? '']),
  },
  { state: 'the stored access key pair is incomplete, or its values do not match', corrupt: tear },
])('while $state', ({ state, corrupt }) => {
  it('rotate is refused before any change, and names the fix', slow, async () => {
    corrupt();
    const before = changes().length;
    for (const line of ['rotate --yes', 'rotate --dry-run']) {
      const { code, stdout, stderr } = await cli.run(line);
      expect(code, stderr + stdout).toBe(2);
      expect(stderr).toContain(`error: ${state}`);
      expect(stderr).toContain('Run `ecr-bootstrap up`');
    }
    expect(changes().slice(before)).toEqual([]);
    await succeed(cli, 'up --yes');
    const old = onlyAccessKey(cli);
    await succeed(cli, 'rotate --yes');
    expect(currentId()).not.toBe(old.id);
    expect(accessKeys(cli).map(({ active }) => active)).toEqual([false, true]);
    await succeed(cli, 'rotate --force --yes');
  });
});

it.each(names.slice(0, 2))(
  'rotate creates a working key after %s was permanently deleted',
  slow,
  async (name) => {
    const [old] = accessKeys(cli);
    lose('deleted for good', [name]);
    const plan = await succeed(cli, 'rotate --yes');
    expect(plan).not.toContain('an earlier run stopped');
    expect(currentId()).not.toBe(old?.id);
    expect(await succeed(cli, 'up --dry-run')).toContain('Nothing would change');
    await succeed(cli, 'rotate --force --yes');
  },
);

it(
  'rotate --force completes while AWS still shows restored secrets as scheduled for deletion',
  slow,
  async () => {
    const leaked = onlyAccessKey(cli);
    cli.world.aws.lags.plan({
      service: 'secretsmanager',
      milliseconds: 200_000,
      reads: /^DescribeSecret$/,
      behind: /^RestoreSecret$/,
    });
    lose('scheduled for deletion', names);
    const { stderr } = await cli.run('rotate --force --yes');
    expect(stderr).not.toContain('the plan that was shown did not include it');
    expect(onlyAccessKey(cli).id).not.toBe(leaked.id);
    expect(onlyAccessKey(cli).id).toBe(currentId());
  },
);
