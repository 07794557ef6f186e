import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

/** Milliseconds: whole runs. */
const slow = { timeout: 240_000 };

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

const digestIn = (text: string): string => /^Digest: (sha256:[0-9a-f]{64})$/m.exec(text)?.[1] ?? '';
const dryRunDigest = async (flags = ''): Promise<string> =>
  digestIn((await cli.run(`up --dry-run ${flags}`)).stdout);

describe('up --expect-plan', () => {
  it('rejects a value that is not a whole digest', async () => {
    const { code, stderr } = await cli.run('up --yes --expect-plan sha256:abc');
    expect(code).toBe(2);
    expect(stderr).toContain('Write the whole digest');
  });

  it('changes nothing and exits 1 with plan-changed if the plan has another digest', slow, async () => {
    const expected = await dryRunDigest('--only power-user');
    const before = await dryRunDigest();
    expect(before).not.toBe(expected);
    const { code, document } = await cli.json(`up --yes --expect-plan ${expected}`);
    expect(code).toBe(1);
    expect(document.error).toMatchObject({ code: 'plan-changed' });
    expect(document.error?.why).toContain(before);
    expect(await dryRunDigest()).toBe(before);
  });

  it('applies the plan of the dry run, and then the digest of the empty plan fits', slow, async () => {
    const expected = await dryRunDigest();
    const ran = await cli.json(`up --yes --expect-plan ${expected}`);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.document['plan']).toMatchObject({ digest: expected });
    expect((await cli.run(`up --yes --expect-plan ${expected}`)).code).toBe(1);
    const { code, stdout } = await cli.run(`up --yes --expect-plan ${await dryRunDigest()}`);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Nothing to change.')]);
  });

  it('refuses a plan that changed between the question and the first change', slow, async () => {
    const { world } = cli;
    world.cluster.delete('ClusterExternalSecret', 'puller');
    const expected = await dryRunDigest();
    const { code, stderr } = await cli.run(`up --expect-plan ${expected}`, {
      terminal: {
        answer: 'y',
        atQuestion: () =>
          Promise.resolve(world.cluster.delete('ServiceAccount', 'pull-secret-reader', 'external-secrets')),
      },
    });
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('[plan-changed]');
  });
});
