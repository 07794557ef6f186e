import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

it('lists a digest that pods run, although ECR does not say whether it has it, and each image once', async () => {
  const { digest } = seed('1.27', { platforms: ['linux/amd64'] });
  const removePod = addPod(`docker.io/library/nginx@${digest}`);
  const undo = cli.world.faults.plan({ kind: 'deny', operation: 'BatchGetImage' });
  const { stdout } = await cli.run('images -q');
  undo();
  removePod();
  const lines = stdout.trim().split('\n');
  expect(lines).toContain(`docker.io/library/nginx@${digest}`);
  expect(new Set(lines).size).toBe(lines.length);
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

it('keeps images without tags while an archived index may hold them', async () => {
  const used = seed('1.27', { platforms: ['linux/amd64', 'linux/arm64'] });
  registry().repositories.get(nginx)?.archived.add(used.digest);
  seed('1.20');
  expect(await listed()).toEqual(['1.20']);
});

it('keeps a new tag of an image that was pushed within the last hour', async () => {
  const { digest } = seed('1.27');
  const found = registry().repositories.get(nginx);
  const manifest = found?.manifests.get(digest);
  if (!manifest) throw new Error('the image is not there');
  found?.manifests.set(digest, { ...manifest, pushedAt: cli.world.clock.now() });
  found?.tags.set('new', digest);
  expect(await listed()).toEqual([]);
});

describe('images --prune', () => {
  const file = (name: string, text: string): void => writeFileSync(join(cli.folder, name), text);
  const register = (id: string): (() => void) => {
    const { secrets } = cli.world.aws;
    const secret = secrets.all().find(({ name }) => name === 'image-puller-AWS_ACCESS_KEY_ID');
    if (!secret) throw new Error('there is no secret');
    const key = `ecr-bootstrap:cluster/${id}`;
    secret.tags.set(key, 'AKIA1 2026-01-31T10:00:00.000Z admin@other 0.2');
    return () => void secret.tags.delete(key);
  };

  it('asks, naming account and cluster, and deletes nothing without a yes', async () => {
    seed('1.20');
    const no = await cli.run('images --prune', { terminal: { answer: 'n' } });
    expect(no.code).toBe(1);
    expect(no.stderr).toContain(
      `Delete 1 image that nothing uses from account ${cli.world.account} and cluster kubernetes-admin@sandbox?`,
    );
    expect(tags()).toEqual(['1.20']);
    const yes = await cli.run('images --prune', { terminal: { answer: 'y' } });
    expect(yes.code).toBe(0);
    expect(yes.stdout).toContain('Deleted 1 image');
    expect(tags()).toEqual([]);
  });

  it('shows the list before the question also while stdout is a file', async () => {
    seed('1.20');
    const { stderr } = await cli.run('images --prune -q', { terminal: { answer: 'n' } });
    expect(stderr).toContain('docker.io/library/nginx:1.20');
  });

  it('never asks with -o json', async () => {
    seed('1.20');
    const { code, document } = await cli.json('images --prune');
    expect(code).toBe(2);
    expect(document.error).toMatchObject({ code: 'confirmation-needed' });
    expect(document.error?.hint).toContain('--unused');
    expect(document['unused']).toMatchObject({ images: [{ tags: ['1.20'] }] });
    expect(tags()).toEqual(['1.20']);
  });

  it('does nothing, and asks nothing, if every image is in use', async () => {
    seed('1.27');
    const { code, stdout } = await cli.run('images --prune');
    expect(code).toBe(0);
    expect(stdout).toContain('No image in ECR is unused.');
  });

  it('keeps what comes into use while it asks', async () => {
    seed('1.20');
    const { digest } = seed('1.21');
    let restore = (): void => undefined;
    const atQuestion = (): Promise<unknown> => {
      restore = addPod(`docker.io/library/nginx@${digest}`);
      return Promise.resolve();
    };
    try {
      const { code, stdout } = await cli.run('images --prune', { terminal: { answer: 'y', atQuestion } });
      expect(code, stdout).toBe(0);
      expect(stdout).toContain('Kept 1 image that came into use meanwhile.');
      expect(tags()).toEqual(['1.21']);
    } finally {
      restore();
    }
  });

  it('keeps all manifests of an image that a mirror copies meanwhile', async () => {
    seed('1.20');
    const platforms = ['linux/amd64', 'linux/arm64'];
    cli.world.sources.get('docker.io')?.seed('library/nginx', '1.99', { platforms });
    let pruned: Promise<{ code: number; stdout: string }> | undefined;
    const stop = cli.world.faults.onCall(({ operation }) => {
      // The manifests of the platforms have no tag yet.
      if (operation === 'PutManifest') pruned ??= cli.run('images --prune --yes');
    });
    try {
      const mirrored = await cli.run('mirror nginx:1.99 --platform all');
      expect(mirrored.code, mirrored.stderr).toBe(0);
      expect((await pruned)?.code).toBe(0);
      expect((await pruned)?.stdout).toContain('1.20');
    } finally {
      stop();
    }
    expect(tags()).toEqual(['1.99']);
    expect(registry().repositories.get(nginx)?.manifests.size).toBe(1 + platforms.length);
  });

  it('keeps a tag that moves while it deletes', async () => {
    seed('1.20');
    const other = seed('1.27');
    const stop = cli.world.faults.onCall(({ operation }) => {
      if (operation === 'BatchDeleteImage')
        registry().repositories.get(nginx)?.tags.set('1.20', other.digest);
    });
    try {
      const { code, document } = await cli.json('images --prune --yes');
      expect(code).toBe(1);
      expect(document.error).toMatchObject({ code: 'prune-incomplete' });
      expect(document['pruned']).toMatchObject({
        deleted: 0,
        kept: [{ name: `${nginx}:1.20`, code: 'ImageTagDoesNotMatchDigest' }],
      });
    } finally {
      stop();
    }
    expect(tags()).toContain('1.20');
  });

  it('deletes nothing that was not listed', async () => {
    seed('1.20');
    const atQuestion = (): Promise<unknown> => Promise.resolve(seed('1.21'));
    expect((await cli.run('images --prune', { terminal: { answer: 'y', atQuestion } })).code).toBe(0);
    expect(tags()).toEqual(['1.21']);
  });

  it('is done if another run deletes an image first', async () => {
    const { digest } = seed('1.20');
    const stop = cli.world.faults.onCall(({ operation }) => {
      if (operation !== 'BatchDeleteImage') return;
      registry().repositories.get(nginx)?.tags.delete('1.20');
      registry().repositories.get(nginx)?.manifests.delete(digest);
    });
    try {
      expect((await cli.run('images --prune --yes')).code).toBe(0);
    } finally {
      stop();
    }
  });

  it('deletes an index before its images, also from one that holds another index', async () => {
    const inner = seed('1.20', { platforms: ['linux/amd64', 'linux/arm64'] });
    const found = registry().repositories.get(nginx);
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const bytes = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        manifests: [{ mediaType, digest: inner.digest, size: 1 }],
      }),
    );
    const digest = digestOf(bytes);
    found?.manifests.set(digest, { digest, mediaType, bytes, pushedAt: 0 });
    found?.tags.delete('1.20');
    found?.tags.set('outer', digest);
    expect(await listed()).toEqual(['outer']);
    expect((await cli.run('images --prune --yes')).code).toBe(0);
    expect(digests()).toEqual([]);
  });

  it('deletes more than one call can, and what an interrupted run left', async () => {
    for (let number = 0; number < 120; number += 1) seed(`old-${number}`);
    const plan = cli.world.faults.plan({ kind: 'deny', operation: 'BatchDeleteImage', from: 2 });
    expect((await cli.run('images --prune --yes')).code).toBe(1);
    plan();
    expect(digests()).toHaveLength(20);
    expect((await cli.run('images --prune --yes')).code).toBe(0);
    expect(digests()).toEqual([]);
  });

  it('refuses while another cluster is registered, unless there is a list of its images', async () => {
    expect((await cli.run('up --yes --only image-puller,image-puller-key')).code).toBe(0);
    seed('1.20');
    seed('1.21');
    const unregister = register('other');
    try {
      const { code, document } = await cli.json('images --prune --yes');
      expect(code).toBe(2);
      expect(document.error).toMatchObject({ code: 'use-unknown' });
      expect(document.error?.why).toContain('admin@other');
      expect(document.error?.hint).toContain('--keep FILE');
      file('empty.txt', '');
      const empty = await cli.json('images --prune --yes --keep empty.txt');
      expect(empty.document.error).toMatchObject({ code: 'use-unknown' });
      file('other.txt', 'docker.io/library/nginx:1.20\n');
      const again = register('third');
      const one = await cli.json('images --prune --yes --keep other.txt');
      expect(one.document.error?.why).toContain('2 other clusters use the project');
      const twice = await cli.json('images --prune --yes --keep other.txt --keep ./other.txt');
      expect(twice.document.error?.why).toContain('other.txt is given twice');
      again();
      const { tags: secretTags } =
        cli.world.aws.secrets.all().find(({ name }) => name.endsWith('_KEY_ID')) ?? {};
      const saved = [...(secretTags ?? [])];
      secretTags?.clear();
      const lost = await cli.json('images --prune --yes --keep other.txt');
      expect(lost.document.error?.why).toContain('has lost the tags');
      for (const [key, value] of saved) secretTags?.set(key, value);
      expect(tags()).toEqual(['1.20', '1.21']);
      expect((await cli.json('images --prune --yes --keep other.txt')).code).toBe(0);
      expect(tags()).toEqual(['1.20']);
    } finally {
      unregister();
    }
  });

  describe('with a list of another cluster', () => {
    let unregister: () => void;
    beforeEach(async () => {
      expect((await cli.run('up --yes --only image-puller,image-puller-key')).code).toBe(0);
      seed('1.20');
      unregister = register('other');
    });
    afterEach(() => unregister());

    it.each([
      ['JSON', '{"images":[{"source":"docker.io/library/nginx:1.20"}]}\n'],
      ['a table', 'IMAGE  IN ECR\ndocker.io/library/nginx:1.20  yes\n'],
      ['HTML', '<html><body>403</body></html>\n'],
      ['a configuration', 'project: shop\nimages:\n  list: [nginx:1.20]\n'],
      ['bytes', '\0\0\0\n'],
      ['a reference and other text', 'docker.io/library/nginx:1.20\ncould not list cronjobs\n'],
    ])('refuses %s in its place, with the line', async (_, text) => {
      file('other.txt', text);
      const { code, document } = await cli.json('images --prune --yes --keep other.txt');
      expect(code).toBe(2);
      expect(document.error).toMatchObject({
        code: 'use-unknown',
        why: expect.stringMatching(/is not an image reference \(file other\.txt, line \d\)$/) as string,
        hint: expect.stringContaining('ecr-bootstrap images -q >FILE') as string,
      });
      expect(tags()).toEqual(['1.20']);
    });

    it.each([
      ['may not list a kind', { kind: 'deny', operation: 'list cronjobs' }, 'could not list cronjobs'],
      [
        'does not reach the cluster',
        { kind: 'reset', service: 'kubernetes' },
        'images of the cluster are missing',
      ],
    ] as const)('refuses one that was written by a user who %s', async (_, fault, lack) => {
      const undo = cli.world.faults.plan(fault);
      const { code, stdout } = await cli.run('images -q --platform all');
      const { stderr } = await cli.run('images --platform all');
      undo();
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^# incomplete: .*${lack}`));
      expect(stderr).toContain(lack);
      file('other.txt', stdout);
      const { document } = await cli.json('images --prune --yes --keep other.txt');
      expect(document.error).toMatchObject({ code: 'use-unknown' });
      expect(document.error?.why).toContain(`file other.txt is incomplete: `);
      expect(document.error?.why).toContain(lack);
    });

    it('keeps all that the list of images -q has, as the cluster itself would', async () => {
      const restore = cli.world.cluster.save();
      repository('shop/docker.io/library/old');
      seed('1', {}, 'shop/docker.io/library/old');
      repository('shop/quay.io/a/b');
      seed('1', {}, 'shop/quay.io/a/b');
      const podOf = (image: string) => ({ spec: { containers: [{ name: 'main', image }] } });
      cli.world.cluster.put({
        kind: 'ReplicaSet',
        metadata: { name: 'web-1', namespace: 'shop', labels: { 'pod-template-hash': '1' } },
        spec: { replicas: 0, template: podOf('old:1') },
      });
      cli.world.cluster.put({
        kind: 'CronJob',
        metadata: { name: 'report', namespace: 'shop' },
        spec: {
          schedule: '0 0 1 1 *',
          suspend: true,
          jobTemplate: { spec: { template: podOf('quay.io/a/b:1') } },
        },
      });
      file('excluding.yaml', 'project: shop\nimages: { exclude: ["quay.io/*"] }\n');
      const config = '-c excluding.yaml';
      const { images } = await unused(config);
      const { stdout } = await cli.run(`images -q ${config}`);
      restore();
      expect(images.map((one) => one.repository)).toEqual([nginx]);
      expect(stdout).not.toContain('# incomplete');
      expect(await unused()).toMatchObject({ images: { length: 3 } });
      file('other.txt', stdout);
      expect((await unused('--keep other.txt')).images.map((one) => one.repository)).toEqual([nginx]);
    });
  });

  it('are listed without the right to list nodes, with a warning, but no platform is reported as missing', async () => {
    seed('1.27');
    const stop = cli.world.faults.plan({ kind: 'deny', operation: 'list nodes' });
    try {
      const { code, stdout, stderr } = await cli.run('images');
      expect(code, stderr).toBe(0);
      expect(stdout).toContain('docker.io/library/nginx:1.27');
      expect(stderr).toContain('could not list nodes');
      expect((await cli.run('images --check')).stderr).toContain('[platform-unknown]');
    } finally {
      stop();
    }
  });

  describe('with a list that images -q wrote', () => {
    const addRevision = (...images: readonly string[]): void => {
      const containers = images.map((image, index) => ({ name: `c${index}`, image }));
      cli.world.cluster.put({
        kind: 'ReplicaSet',
        metadata: { name: 'old-1', namespace: 'shop', labels: { 'pod-template-hash': '1' } },
        spec: { replicas: 0, template: { spec: { containers } } },
      });
    };
    const listOf = async (settings: string): Promise<string> => {
      file('listing.yaml', `project: shop\n${settings}\n`);
      const { code, stdout, stderr } = await cli.run('images -q -c listing.yaml');
      expect(code, stderr).toBe(0);
      return stdout;
    };
    const repositories = async (list: string): Promise<readonly string[]> => {
      file('other.txt', list);
      return (await unused('--keep other.txt')).images.map((one) => one.repository);
    };

    it.each(['', 'exclude: ["*.amazonaws.com/*"]'])(
      'keeps images that users pushed, with %j',
      async (more) => {
        repository('shop/base/old');
        seed('1', {}, 'shop/base/old');
        const restore = cli.world.cluster.save();
        addRevision(`${cli.world.registryHost}/shop/base/old:1`);
        const list = await listOf(`images: { ${more} }`);
        restore();
        expect(await repositories('docker.io/library/nginx:1\n')).toContain('shop/base/old');
        expect(await repositories(list)).toEqual([]);
      },
    );

    it('has two sources with one name in ECR, of which an earlier revision uses one', async () => {
      const restore = cli.world.cluster.save();
      addRevision('quay.io/library/nginx:1.27', 'docker.io/library/nginx:1.27');
      const map = 'map: { docker.io/library/nginx: base/nginx, quay.io/library/nginx: base/nginx }';
      expect(await listOf(`images: { ${map} }`)).toContain('docker.io/library/nginx:1.27');
      restore();
    });

    it('keeps what containers run under the name of another registry, or under no name', async () => {
      const [named, bare] = [seed('a'), seed('b')];
      const { manifests } = registry().repositories.get(nginx) ?? {};
      const { config } = JSON.parse(manifests?.get(bare.digest)?.bytes.toString() ?? '') as {
        config: { digest: string };
      };
      const lists: string[] = [];
      for (const id of [`other.example/x@${named.digest}`, config.digest]) {
        const removePod = addPod(id);
        lists.push(await listOf(''));
        removePod();
      }
      expect(await repositories(lists.join(''))).toEqual([]);
      expect(await repositories(lists[0] ?? '')).toEqual([nginx]);
    });

    it('is complete although images.fields has values that are no images', async () => {
      const list = await listOf('images: { fields: { deployments.apps: [.metadata.name, .spec.replicas] } }');
      expect(list).not.toContain('# incomplete');
    });
  });

  it('are listed without the earlier revisions for people, which takes fewer requests', async () => {
    const { calls } = cli.world.faults;
    const revisions = async (flags: string): Promise<number> => {
      const before = calls.length;
      expect((await cli.run(`images ${flags}`)).code).toBe(0);
      return calls.slice(before).filter(({ operation }) => operation === 'list replicasets').length;
    };
    expect(await revisions('')).toBeLessThan(await revisions('-q'));
  });

  it('refuses while images.fields has a kind that the cluster does not serve', async () => {
    seed('1.20');
    file('typo.yaml', 'project: shop\nimages: { fields: { widget.example.com: [.spec.image] } }\n');
    const { code, document } = await cli.json('images --prune --yes -c typo.yaml');
    expect(code).toBe(2);
    expect(document.error).toMatchObject({
      code: 'use-unknown',
      hint: expect.stringContaining('images.fields') as string,
    });
    expect(tags()).toEqual(['1.20']);
  });

  it('refuses while a kind is hidden, and --unused lists what it may see', async () => {
    seed('1.20');
    const stop = cli.world.faults.plan({ kind: 'deny', operation: 'list cronjobs' });
    try {
      const { code, document } = await cli.json('images --prune --yes');
      expect(code).toBe(2);
      expect(document.error).toMatchObject({ code: 'use-unknown' });
      expect(document.error?.why).toContain('cronjobs');
      const looked = await cli.json('images --unused');
      expect(looked.code).toBe(0);
      expect(looked.document['warnings']).toEqual([expect.stringContaining('could not list cronjobs')]);
    } finally {
      stop();
    }
    expect(tags()).toEqual(['1.20']);
  });

  it.each([
    ['images --keep a', '--keep has an effect only with --unused or --prune'],
    ['images --older-than 1h', '--older-than has an effect only with --unused or --prune'],
    ['images --yes', '--yes has an effect only with --prune'],
    ['images --unused --yes', '--yes has an effect only with --prune'],
    ['images --unused --outside', "option '--unused' cannot be used with option '--outside'"],
  ])('is a usage error: %s', async (line, why) => {
    const { code, stderr } = await cli.run(line);
    expect(code).toBe(2);
    expect(stderr).toContain(why);
  });
});
