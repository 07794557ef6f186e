import { DeleteAccessKeyCommand, ListAccessKeysCommand } from '@aws-sdk/client-iam';
import { DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { beforeAll, describe, expect, it } from 'vitest';

import { can, openWorld, restoreAfterAll } from './open-world.ts';
import { alwaysPulling } from './pods.ts';
import {
  expectHealthy,
  health,
  imagesInUse,
  namespace,
  planned,
  referenceInEcr,
  secretValue,
  succeed,
} from './site.ts';
import { waitFor } from './wait.ts';
import type { World } from './world.ts';

const UserName = 'image-puller';
const secrets = [`${UserName}-AWS_ACCESS_KEY_ID`, `${UserName}-AWS_SECRET_ACCESS_KEY`];

async function deleteKeys({ aws: { iam } }: World): Promise<void> {
  const { AccessKeyMetadata = [] } = await iam.send(new ListAccessKeysCommand({ UserName }));
  for (const { AccessKeyId } of AccessKeyMetadata) {
    await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
  }
}

/** The current version of each secret. */
async function versions({ aws }: World): Promise<readonly (string | undefined)[]> {
  const all = secrets.map((SecretId) => aws.secrets.send(new DescribeSecretCommand({ SecretId })));
  return (await Promise.all(all)).map(({ VersionIdsToStages = {} }) =>
    Object.keys(VersionIdsToStages).find((id) => VersionIdsToStages[id]?.includes('AWSCURRENT')),
  );
}

/** The access key pair that the operator uses. The operator copies it from Secrets Manager. */
const pair = async (world: World) =>
  Promise.all(
    ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].map((key) =>
      secretValue(world, 'external-secrets', UserName, key),
    ),
  );

describe.runIf(can('kill'))(
  'up after a SIGKILL between two writes to Secrets Manager, with an operator that reads every 5 s',
  () => {
    const world = openWorld();

    beforeAll(async () => {
      await (await world).configure({ ...imagesInUse, pullSecret: { renewEvery: '5s', copyEvery: '5s' } });
      await (await world).cluster.apply(namespace('mismatched-pair'));
      await succeed(await world, 'up', '--yes');
    });

    restoreAfterAll(async () => {
      await (await world).cluster.remove('namespace', 'mismatched-pair');
      await (await world).configure(imagesInUse);
      await succeed(await world, 'up', '--yes');
    });

    /** Expects that the next `up` repairs what the kill left. */
    async function expectRepairByUp(pod: string): Promise<void> {
      expect((await health(await world)).code).toBe(3);
      // Otherwise `up` first waits for the lease of the killed run, as after the kills at random moments.
      await (await world).cluster.remove('lease', 'ecr-bootstrap', 'kube-system');
      await succeed(await world, 'up', '--yes');
      expect(new Set(await versions(await world)).size).toBe(1);
      expect(await planned(await world)).toEqual([]);
      await expectHealthy(await world);
      const image = referenceInEcr(await world, 'redis:8');
      expect(await (await world).startPod('mismatched-pair', pod, image, alwaysPulling(image))).toBe(
        'Running',
      );
    }

    it.each(secrets)(
      'completes the replacement of a deleted key after a kill before %s is written',
      async (resource) => {
        await deleteKeys(await world);
        const write = { service: 'secretsmanager', operation: 'PutSecretValue', resource };
        await (await world).runAndKillAt(write, 'up', '--yes');
        const [ofId, ofSecret] = await versions(await world);
        expect(ofId).not.toBe(ofSecret);
        await expectRepairByUp(`written-${secrets.indexOf(resource)}`);
      },
    );

    it.each(secrets)(
      'completes a rotation after a kill before the new version of %s becomes current',
      async (resource) => {
        // A rotation starts only when the previous one is complete.
        await (await world).reset({ keepOperator: true });
        await succeed(await world, 'up', '--yes');
        const [id, secret] = await pair(await world);
        const move = { service: 'secretsmanager', operation: 'UpdateSecretVersionStage', resource };
        await (await world).runAndKillAt(move, 'rotate', '--yes');
        await waitFor('the operator to copy a mismatched pair', async () => {
          const [idNow, secretNow] = await pair(await world);
          return (idNow === id) !== (secretNow === secret) || undefined;
        });
        await expectRepairByUp(`moved-${secrets.indexOf(resource)}`);
      },
    );
  },
);
