import { DescribeImagesCommand } from '@aws-sdk/client-ecr';
import { beforeAll, describe, expect, it } from 'vitest';

import { openWorld, restoreAfterAll } from './open-world.ts';
import { alwaysPulling } from './pods.ts';
import {
  expectHealthy,
  imagesInUse,
  namespace,
  planned,
  referenceInEcr,
  restoreWorkloads,
  succeed,
} from './site.ts';
import { waitFor } from './wait.ts';
import type { KubeObject } from './world.ts';

interface Document {
  readonly unused: {
    readonly images: readonly { readonly repository: string; readonly tags: readonly string[] }[];
  };
  readonly pruned?: { readonly deleted: number; readonly kept: readonly object[] };
  readonly error?: { readonly code: string };
}

/** Images of this run are young. */
const anyAge = ['--older-than', '1s'];
const settings = { ...imagesInUse, images: { list: ['nginx:1.28'] } };

describe('images in ECR that nothing uses any more', () => {
  const world = openWorld();

  const look = async (...flags: string[]) => {
    const { code, stdout } = await (await world).run('images', ...flags, ...anyAge, '-o', 'json');
    const document = JSON.parse(stdout) as Document;
    const names = document.unused.images.flatMap(({ repository, tags }) =>
      tags.map((tag) => `${repository}:${tag}`),
    );
    return { code, document, names };
  };

  /** The tags of an image that the project has. */
  async function tagsOf(image: string): Promise<readonly string[]> {
    const { aws, project } = await world;
    const command = new DescribeImagesCommand({ repositoryName: `${project}/docker.io/library/${image}` });
    const { imageDetails = [] } = await aws.ecr.send(command);
    return imageDetails.flatMap(({ imageTags = [] }) => imageTags);
  }

  const redis = async () => `${(await world).project}/docker.io/library/redis:8`;

  beforeAll(async () => {
    const { cluster, configure } = await world;
    await configure(settings);
    await restoreWorkloads(await world);
    await succeed(await world, 'up', '--yes');
    expect((await look('--unused')).names).not.toContain(await redis());
    await cluster.remove('deployment', 'cache', 'shop');
    await waitFor('the pods of the deleted workload to end', async () => {
      const pods = await cluster.list<KubeObject>('pods', 'shop');
      return !pods.some(({ metadata }) => metadata.labels?.['app'] === 'cache') || undefined;
    });
    await (await world).advanceTime(2);
  });

  restoreAfterAll(async () => {
    const { cluster, configure } = await world;
    await configure(imagesInUse);
    await restoreWorkloads(await world);
    await succeed(await world, 'up', '--yes');
    await cluster.remove('namespace', 'after-prune');
  });

  it('are listed, without images in use and the image of the operator', async () => {
    const { code, names } = await look('--unused');
    expect(code).toBe(0);
    expect(names).toContain(await redis());
    const { project } = await world;
    expect(names).not.toContain(`${project}/docker.io/library/nginx:1.28`);
    expect(names).not.toContain(`${project}/quay.io/prometheus/node-exporter:v1.9.1`);
    expect(names.filter((name) => name.startsWith(`${project}/external-secrets:v0.12.1`))).toEqual([]);
  });

  it('stay without consent', async () => {
    const { code, document } = await look('--prune');
    expect(code).toBe(2);
    expect(document.error?.code).toBe('confirmation-needed');
    expect(await tagsOf('redis')).toContain('8');
  });

  it('are deleted, and nothing else', async () => {
    const { code, document } = await look('--prune', '--yes');
    expect(code).toBe(0);
    expect(document.pruned).toMatchObject({ kept: [] });
    expect(await tagsOf('redis')).not.toContain('8');
    expect(await tagsOf('nginx')).toContain('1.28');
    expect((await look('--unused')).names).toEqual([]);
  });

  it('leave a healthy cluster, in which pods can still pull', async () => {
    const { cluster, startPod } = await world;
    await expectHealthy(await world);
    expect(await planned(await world)).toEqual([]);
    await cluster.apply(namespace('after-prune'));
    const image = referenceInEcr(await world, 'nginx:1.28');
    expect(await startPod('after-prune', 'pulled', image, alwaysPulling(image))).toBe('Running');
  });

  it('are copied again when a workload needs them', async () => {
    await restoreWorkloads(await world);
    await succeed(await world, 'up', '--yes');
    expect(await tagsOf('redis')).toContain('8');
  });
});
