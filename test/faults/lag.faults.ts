import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lag } from '../../sandbox/aws/read-lag.ts';
import { forgetSecrets } from '../../src/core/secret.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { accessKeys } from '../support/image-puller.ts';
import { sample } from '../support/sample.ts';
import { expectHealthy } from './healthy.ts';

const config = 'images: { exclude: [registry.k8s.io/*] }';
const services = ['iam', 'secretsmanager', 'ecr'] as const;
const lags = [500, 5000, 60_000];
const points = (['every', 'next'] as const).flatMap((which) =>
  services.flatMap((service) => lags.map((milliseconds) => [service, milliseconds, which] as const)),
);

/**
 * Each command starts as soon as the previous one has ended. Reads lag behind writes in `every` run, or only in
 * the `next` run, whose reads then show nothing of the previous run.
 */
describe.each(sample(points))(
  'while reads of %s are %i ms behind in the %s run',
  (service, milliseconds, which) => {
    const lag: Lag = { service, milliseconds: 0 };
    let cli: Cli;

    beforeAll(async () => {
      forgetSecrets();
      cli = await openCli({}, { fast: true, config });
      cli.world.aws.lags.plan(lag);
    });
    afterAll(() => cli.close());

    async function run(command: string, isNext: boolean): Promise<{ code: number; stderr: string }> {
      lag.milliseconds = isNext || which === 'every' ? milliseconds : 0;
      const { code, stderr } = await cli.run(command);
      await cli.world.cluster.settled();
      return { code, stderr };
    }

    /**
     * Expects that the command succeeds, or fails with a three-part error and succeeds when it is repeated. It may
     * fail twice, because a plan can first show restored secrets and then a deleted user.
     */
    async function ends(command: string, isNext = true): Promise<void> {
      const failures: string[] = [];
      while (failures.length < 3) {
        const { code, stderr } = await run(command, isNext);
        if (code === 0) return;
        expect(stderr).toMatch(/error: .+\n {2}why: .+\n {2}fix: .+/);
        failures.push(stderr);
        // `up` cannot create a repository that ECR still lists after its deletion. Wait until the list is right.
        if (service === 'ecr') cli.world.clock.advance(milliseconds);
      }
      expect(failures, command).toEqual([]);
    }

    async function isInOrder(how = {}): Promise<void> {
      // The lists of images have what ECR showed. `status` reports them as outdated, and the next `up` completes them.
      lag.milliseconds = 0;
      if (service === 'ecr') expect((await cli.run('up --yes --only image-warnings')).code).toBe(0);
      await expectHealthy(cli, how);
    }

    it('up that runs again immediately changes nothing and creates no second key', async () => {
      await ends('up --yes', false);
      await ends('up --yes');
      await ends('up --yes');
      await isInOrder();
    });

    it('rotate results in one working key, whatever command runs immediately afterwards', async () => {
      const [old] = accessKeys(cli);
      await ends('rotate --yes', false);
      expect(old?.active).toBe(false);
      await ends('up --yes');
      await ends('rotate --yes');
      await isInOrder({ rotated: true });
      cli.world.clock.advance(13 * 3_600_000);
      await cli.world.cluster.settled();
      await ends('up --yes', false);
    });

    it('rotate --force leaves no older key, even when it runs again immediately', async () => {
      const old = accessKeys(cli);
      await ends('rotate --force --yes', false);
      expect(accessKeys(cli).filter((key) => old.includes(key))).toEqual([]);
      await ends('up --yes');
      const next = accessKeys(cli);
      await ends('rotate --force --yes');
      expect(accessKeys(cli).filter((key) => next.includes(key))).toEqual([]);
      await isInOrder();
    });

    it('up works immediately after down', async () => {
      await ends('down --yes', false);
      await ends('up --yes');
      await ends('up --yes');
      await isInOrder();
    });

    it('up works immediately after a complete down in AWS, and works again later', async () => {
      await ends('down --aws --delete-images --delete-secrets --yes', false);
      // Until its reads are current, AWS shows deleted resources, and `up` takes them for existing ones.
      await ends('up --yes');
      cli.world.clock.advance(milliseconds);
      await ends('up --yes');
      await isInOrder();
    });
  },
);
