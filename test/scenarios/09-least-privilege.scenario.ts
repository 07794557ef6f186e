import { CreateAccessKeyCommand, DeleteAccessKeyCommand } from '@aws-sdk/client-iam';
import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { imagesInUse, secretValue, succeed } from './site.ts';
import type { AwsKey, KubeObject } from './world.ts';

const powerUser = { UserName: 'power-user' };

describe('least privilege', () => {
  const world = openWorld();
  let pusher: AwsKey;
  let pullerSecret: string | undefined;

  beforeAll(async () => {
    const { aws, configure } = await world;
    await configure(imagesInUse);
    await succeed(await world, 'up', '--yes');
    const { AccessKey } = await aws.iam.send(new CreateAccessKeyCommand(powerUser));
    pusher = {
      accessKeyId: AccessKey?.AccessKeyId ?? '',
      secretAccessKey: AccessKey?.SecretAccessKey ?? '',
    };
    pullerSecret = await secretValue(
      await world,
      'external-secrets',
      'image-puller',
      'AWS_SECRET_ACCESS_KEY',
    );
  });

  restoreAfterAll(async () => {
    const { aws } = await world;
    await aws.iam.send(new DeleteAccessKeyCommand({ ...powerUser, AccessKeyId: pusher.accessKeyId }));
  });

  it.each([
    ['mirror', 'registry.k8s.io/coredns/coredns:v1.12.1'],
    ['status', '-o', 'json'],
    ['up', '--yes'],
  ])('lets power-user run %s', async (...args) => {
    const { runAs } = await world;
    const { code, stdout, stderr } = await runAs(pusher, ...args);
    expect(code, stdout + stderr).toBe(0);
  });

  it("keeps AWS keys out of Secrets outside the operator's namespace", async () => {
    type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };
    const secrets = await (await world).cluster.list<Secret>('secrets');
    const elsewhere = secrets.filter(({ metadata }) => metadata.namespace !== 'external-secrets');
    const values = elsewhere.flatMap(({ data = {} }) => Object.values(data));
    expect(values.length).toBeGreaterThan(0);
    const clear = values.map((value) => Buffer.from(value, 'base64').toString()).join('\n');
    expect(pullerSecret).toBeDefined();
    expect(clear).not.toContain(pullerSecret);
    expect(clear).not.toMatch(/AKIA[A-Z0-9]{16}/);
  });
});
