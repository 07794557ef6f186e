import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: a whole `up` runs before the first test. */
const timeoutMs = 240_000;
const hour = 3_600_000;

let cli: Cli;

beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  expect((await cli.run('up --yes -q')).code).toBe(0);
}, timeoutMs);
afterAll(() => cli.close());

const keys = () =>
  [...cli.world.aws.identities.keys.values()].filter(({ user }) => user.name === 'image-puller');

const current = (): string => {
  const secret = cli.world.aws.secrets.get('image-puller-AWS_ACCESS_KEY_ID');
  return secret?.versions.get(secret.holderOf('AWSCURRENT') ?? '')?.value ?? '';
};

/** The docker configs of all pull secrets, by namespace. */
const dockerConfigs = (): Map<string, string> =>
  new Map(
    cli.world.cluster
      .list('Secret')
      .filter(({ metadata }) => metadata.name === 'puller')
      .map(({ metadata, data }) => {
        const { '.dockerconfigjson': config = '' } = data as Record<string, string>;
        return [metadata.namespace ?? '', Buffer.from(config, 'base64').toString()];
      }),
  );

/** The keys with which the tokens in the namespaces were issued. */
const keysOfTokens = (): Set<string | undefined> =>
  new Set(
    [...dockerConfigs().values()].map((config) => {
      const [auth = { password: '' }] = Object.values(
        (JSON.parse(config) as { auths: Record<string, { password: string }> }).auths,
      );
      return cli.world.aws.registry.tokens.userOf(auth.password)?.accessKeyId;
    }),
  );

/** Pulls repeatedly with every namespace's secret until `act` ends. @returns the pulls that failed */
async function pullDuring(
  act: () => Promise<unknown>,
): Promise<{ pulls: number; failed: ReadonlySet<string> }> {
  const image = `${cli.world.registryHost}/shop/external-secrets:v0.12.1`;
  const failed = new Set<string>();
  let pulls = 0;
  const over = new AbortController();
  const pulling = (async () => {
    while (!over.signal.aborted) {
      for (const [namespace, config] of dockerConfigs()) {
        const result = await cli.world.images.pull(image, 'linux/amd64', [config]);
        pulls += 1;
        if (result !== 'pulled') failed.add(`${namespace}: ${result}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  await act();
  over.abort();
  await pulling;
  return { pulls, failed };
}

/** Drops the response to the `nth` call of an operation, and resets every later connection. */
function cutAt(operation: string, nth = 1): () => void {
  const { faults } = cli.world;
  const undo: (() => void)[] = [];
  let seen = 0;
  const stop = faults.onCall((call) => {
    if (call.operation === operation) seen += 1;
    if (call.operation !== operation || seen !== nth) return;
    undo.push(faults.plan({ kind: 'lost', to: 1 }));
    queueMicrotask(() => undo.push(faults.plan({ kind: 'reset' })));
  });
  return () => {
    stop();
    for (const act of undo) act();
  };
}

/** Waits until the keys that rotations disabled can be deleted, and deletes them. */
async function clearKeys(): Promise<void> {
  cli.world.clock.advance(14 * hour);
  await cli.world.cluster.settled();
  // The kubelet refreshes the volume with the token of nodes within two minutes.
  cli.world.clock.advance(2 * 60_000);
  await cli.world.cluster.settled();
  await cli.run('up --yes -q --only image-puller-key,pull-secret-bootstrap,registration');
}

describe('rotate', () => {
  it('shows its complete plan and changes nothing in a dry run', { timeout: timeoutMs }, async () => {
    const [old] = keys();
    const writes = cli.world.faults.calls.filter(({ writes: isWrite }) => isWrite).length;
    const { code, stdout } = await cli.run('rotate --dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('+ IAM access key image-puller');
    expect(stdout).toContain('~ Secret external-secrets/puller');
    expect(stdout).toContain(`~ IAM access key ${old?.id ?? ''}`);
    expect(stdout).toContain(`key: ${old?.id ?? ''} -> (known after apply)`);
    const after = cli.world.faults.calls.filter(
      ({ writes: isWrite, operation }) => isWrite && !/Review/.test(operation),
    );
    expect(after.length).toBeLessThanOrEqual(writes);
    expect(keys()).toEqual([old]);
  });

  it('replaces the key, and no pull fails meanwhile', { timeout: timeoutMs }, async () => {
    const [old] = keys();
    let stdout = '';
    const { pulls, failed } = await pullDuring(async () => {
      const ran = await cli.run('rotate --yes');
      expect(ran.stderr + ran.stdout).not.toContain('✗');
      expect(ran.code).toBe(0);
      ({ stdout } = ran);
    });
    expect([...failed]).toEqual([]);
    expect(pulls).toBeGreaterThan(20);
    expect(current()).not.toBe(old?.id);
    expect(keys().map(({ id, active }) => [id, active])).toEqual([
      [old?.id, false],
      [current(), true],
    ]);
    expect([...keysOfTokens()]).toEqual([current()]);
    // No other cluster is registered.
    expect(stdout).not.toContain('Other clusters');
    expect(stdout).toMatch(new RegExp(`Access key ${old?.id ?? ''} is disabled; .* after .* deletes it`));
  });

  it(
    'does not rotate again while the last key is kept, unless forced; the power user may rotate',
    { timeout: timeoutMs },
    async () => {
      const [kept, old] = keys();
      const { code, stdout } = await cli.run('rotate --yes');
      expect(code).toBe(0);
      expect(stdout).toContain(`the last rotation disabled ${kept?.id ?? ''}, which is kept until`);
      expect(keys()).toEqual([kept, old]);
      const powerUser = cli.world.aws.identities.users.get('power-user');
      const own = powerUser && cli.world.aws.identities.addKey(powerUser);
      const env = { AWS_ACCESS_KEY_ID: own?.id, AWS_SECRET_ACCESS_KEY: own?.secret };
      const forced = await cli.run('rotate --yes --force', { env });
      expect(forced.code, forced.stderr).toBe(0);
      expect(keys().map(({ id }) => id)).toEqual([current()]);
      expect(current()).not.toBe(old?.id);
      expect([...keysOfTokens()]).toEqual([current()]);
    },
  );

  it(
    'leaves the deletion of the old key to the first up after twelve hours',
    { timeout: timeoutMs },
    async () => {
      const [old] = keys();
      await cli.run('rotate --yes');
      cli.world.clock.advance(11 * hour);
      await cli.world.cluster.settled();
      await cli.run('up --yes -q --only image-puller-key');
      expect(keys().map(({ id }) => id)).toContain(old?.id);
      cli.world.clock.advance(2 * hour);
      await cli.world.cluster.settled();
      await cli.run('up --yes -q --only image-puller-key');
      expect(keys().map(({ id }) => id)).toEqual([current()]);
    },
  );

  it.each([
    ['CreateAccessKey', 1],
    ['UpdateSecretVersionStage', 1],
    ['UpdateAccessKey', 1],
  ])(
    'resumes after it lost all connections at %s (call %i)',
    { timeout: timeoutMs },
    async (operation, nth) => {
      await clearKeys();
      const old = current();
      const clearFault = cutAt(operation, nth);
      const cut = await cli.run('rotate --yes', { env: { AWS_MAX_ATTEMPTS: '1' } });
      clearFault();
      expect(cut.code).not.toBe(0);
      const { failed } = await pullDuring(async () => {
        const again = await cli.run('rotate --yes');
        expect(again.code, again.stderr).toBe(0);
      });
      expect([...failed]).toEqual([]);
      expect(current()).not.toBe(old);
      expect(keys().filter(({ active }) => active)).toHaveLength(1);
      expect([...keysOfTokens()]).toEqual([current()]);
    },
  );
});

describe('rotate after another program has used the key', () => {
  it('disables the old key: only a registered cluster keeps it enabled', { timeout: timeoutMs }, async () => {
    await clearKeys();
    const old = keys().find(({ id }) => id === current());
    expect((await cli.run('status')).code).toBe(0);
    cli.world.clock.advance(40 * 60_000);
    if (old) old.lastUsed = { at: cli.world.clock.now(), service: 'secretsmanager' };
    const { code, stdout } = await cli.run('rotate --yes');
    expect(code).toBe(0);
    expect(stdout).not.toContain('stays enabled');
    expect(old?.active).toBe(false);
    expect([...keysOfTokens()]).toEqual([current()]);
  });
});
