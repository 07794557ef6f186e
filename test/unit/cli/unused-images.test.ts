import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { ImageSeed } from '../../../sandbox/registry/image.ts';
import { digestOf } from '../../../sandbox/registry/storage.ts';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => {
  // The kubelet of a lost node does not change the status of its pods.
  const nodes = [
    { name: 'node-1', architecture: 'amd64' },
    { name: 'lost', architecture: 'amd64', ready: false },
  ];
  cli = await openCli({ cluster: { nodes } }, { fast: true });
});
afterAll(() => cli.close());

const registry = () => cli.world.aws.registry;
const nginx = 'shop/docker.io/library/nginx';

beforeEach(() => {
  registry().repositories.clear();
  repository(nginx);
});

function repository(name: string, managed = true): void {
  const { awsTags } = registry().addRepository(name);
  if (!managed) return;
  awsTags.set('ecr-bootstrap:project', 'shop');
  awsTags.set('ecr-bootstrap:region', cli.world.region);
}

const seed = (tag: string, image: ImageSeed = {}, name = nginx) => registry().seed(name, tag, image);

/** An artifact about an image, in the form of the OCI specification. */
function artifact(subject: string, tag?: string): string {
  const [repositoryOf, mediaType] = [registry().repositories.get(nginx), manifestType];
  const layer = { mediaType, digest: [...(repositoryOf?.blobs.keys() ?? [])][0], size: 1 };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: layer,
      layers: [layer],
      ...(tag === undefined && { subject: { mediaType, digest: subject, size: 1 } }),
      annotations: { about: subject },
    }),
  );
  const digest = digestOf(bytes);
  repositoryOf?.manifests.set(digest, { digest, mediaType, bytes, pushedAt: 0 });
  if (tag !== undefined) repositoryOf?.tags.set(tag, digest);
  return digest;
}
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

interface Unused {
  readonly images: readonly {
    readonly repository: string;
    readonly tags: readonly string[];
    readonly digest: string;
    readonly tagOnly: boolean;
    readonly sizeBytes: number;
  }[];
  readonly sizeBytes: number;
  readonly skipped: readonly { readonly repository: string }[];
}

async function unused(flags = ''): Promise<Unused> {
  const { document, code, stdout } = await cli.json(`images --unused ${flags}`);
  expect(code, stdout).toBe(0);
  return document['unused'] as Unused;
}

const listed = async (flags?: string): Promise<readonly string[]> =>
  (await unused(flags)).images.map(({ tags, digest }) => tags.join(',') || digest);

const digests = (name = nginx): readonly string[] => [
  ...(registry().repositories.get(name)?.manifests.keys() ?? []),
];
const tags = (name = nginx): readonly string[] => [...(registry().repositories.get(name)?.tags.keys() ?? [])];

/** Adds a pod with a container for which its node reports this image. @returns a function that removes the pod */
function addPod(imageID: string): () => void {
  const restore = cli.world.cluster.save();
  cli.world.cluster.put({
    kind: 'Pod',
    metadata: { name: 'old', namespace: 'shop' },
    spec: { nodeName: 'lost', containers: [{ name: 'main', image: 'docker.io/library/other:1' }] },
    status: { phase: 'Running', containerStatuses: [{ name: 'main', imageID }] },
  });
  return restore;
}

it('lists what no workload uses, with the sizes of its platforms', async () => {
  seed('1.27');
  const old = seed('1.20', { platforms: ['linux/amd64', 'linux/arm64'], attestations: true });
  const { images, sizeBytes } = await unused();
  expect(images).toMatchObject([{ repository: nginx, tags: ['1.20'], digest: old.digest, tagOnly: false }]);
  expect(sizeBytes).toBe(images[0]?.sizeBytes);
  expect(sizeBytes).toBeGreaterThan(0);
});

it('keeps the images of an index in use, and artifacts about it', async () => {
  const { digest } = seed('1.27', { platforms: ['linux/amd64', 'linux/arm64'], attestations: true });
  artifact(digest);
  artifact(digest, `sha256-${digest.slice(7)}.sig`);
  artifact(digest, `sha256-${digest.slice(7)}`);
  expect(await listed()).toEqual([]);
});

it('deletes an unused image with its platforms and artifacts', async () => {
  seed('1.27');
  const kept = digests();
  const { digest } = seed('1.20', { platforms: ['linux/amd64', 'linux/arm64'], attestations: true });
  artifact(digest);
  artifact(digest, `sha256-${digest.slice(7)}.sig`);
  const { code, document } = await cli.json('images --prune --yes');
  expect(code).toBe(0);
  expect(document['pruned']).toMatchObject({ deleted: 1, kept: [], inUse: 0 });
  expect(digests()).toEqual(kept);
  expect(tags()).toEqual(['1.27']);
});

it('deletes only the unused tag of an image that another tag names', async () => {
  const { digest } = seed('1.27');
  registry().repositories.get(nginx)?.tags.set('old', digest);
  const { images, sizeBytes } = await unused();
  expect(images).toMatchObject([{ tags: ['old'], tagOnly: true }]);
  expect(sizeBytes).toBe(0);
  expect((await cli.run('images --prune --yes')).code).toBe(0);
  expect(tags()).toEqual(['1.27']);
  expect(digests()).toEqual([digest]);
});

it('keeps the record of a missing platform with its image', async () => {
  const { digest } = seed('1.27');
  const mark = `source-has-no-linux-arm64-${digest.slice(7, 19)}`;
  registry().repositories.get(nginx)?.tags.set(mark, digest);
  expect(await listed()).toEqual([]);
});

it('keeps images that were pushed within the last hour, or the time of --older-than', async () => {
  const { digest } = seed('1.20');
  const { manifests } = registry().repositories.get(nginx) ?? {};
  const manifest = manifests?.get(digest);
  if (!manifest) throw new Error('the image is not there');
  manifests?.set(digest, { ...manifest, pushedAt: cli.world.clock.now() - 1_800_000 });
  expect(await listed()).toEqual([]);
  expect(await listed('--older-than 20m')).toEqual(['1.20']);
  expect(await listed('--older-than 2h')).toEqual([]);
});

it('skips repositories that ecr-bootstrap did not create, and those of other projects', async () => {
  repository('shop/own', false);
  seed('1', {}, 'shop/own');
  repository('other/docker.io/library/nginx');
  seed('1', {}, 'other/docker.io/library/nginx');
  repository('shop/adopted');
  registry().repositories.get('shop/adopted')?.awsTags.set('ecr-bootstrap:adopted', 'true');
  seed('1', {}, 'shop/adopted');
  repository('shop/ecr-bootstrap.invalid/probe');
  seed('1', {}, 'shop/ecr-bootstrap.invalid/probe');
  const { images, skipped } = await unused();
  expect(images).toEqual([]);
  expect(skipped.map((one) => one.repository)).toEqual(['shop/adopted', 'shop/own']);
});

it('keeps what a running container reports, an image of the configuration, and the image of the operator', async () => {
  const running = seed('moved', { platforms: ['linux/amd64', 'linux/arm64'] });
  registry().repositories.get(nginx)?.tags.delete('moved');
  repository('shop/external-secrets');
  seed('v0.12.1', {}, 'shop/external-secrets');
  const removePod = addPod(`docker.io/library/nginx@${running.digest}`);
  try {
    expect(await listed()).toEqual([]);
    const { stdout } = await cli.run('images -q');
    expect(stdout.split('\n')).toContain(`docker.io/library/nginx@${running.digest}`);
    // The pod ends when its node reports that.
    cli.world.cluster.delete('Pod', 'old', 'shop');
    expect(await listed()).toEqual([]);
  } finally {
    removePod();
  }
  expect(await listed()).toEqual([running.digest]);
});

it('keeps an image whose config a runtime reports', async () => {
  const { digest } = seed('loaded');
  const { manifests } = registry().repositories.get(nginx) ?? {};
  const { config } = JSON.parse(manifests?.get(digest)?.bytes.toString() ?? '') as {
    config: { digest: string };
  };
  const removePod = addPod(config.digest);
  try {
    expect(await listed()).toEqual([]);
  } finally {
    removePod();
  }
});
