import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { ArtifactSeed } from '../../../sandbox/registry/image.ts';
import type { MirrorOptions, MirrorResult } from '../../../src/mirror/engine.ts';
import { MirrorWorld, wanted } from '../../support/mirror.ts';

let world: MirrorWorld;
beforeAll(async () => {
  world = await MirrorWorld.start();
});
afterEach(() => void world.events.splice(0));
afterAll(() => world.close());

const signature = 'application/vnd.cncf.notary.signature';
const sbom = 'application/spdx+json';
const withApi = 'quay.io';
const withoutApi = 'ghcr.io';

const artifact = (subject: string, more: Partial<ArtifactSeed> = {}): ArtifactSeed => ({
  subject,
  artifactType: signature,
  content: `signature of ${subject}`,
  ...more,
});

const attach = (host: string, name: string, seed: ArtifactSeed): string =>
  world.source(host).attach(name, seed);

async function copy(reference: string, more: Partial<MirrorOptions> = {}): Promise<MirrorResult> {
  const [result] = await world.copy([reference], { referrers: true, ...more });
  if (!result) throw new Error('one image was given');
  return result;
}

/** What ECR has of an image. */
const ecr = (reference: string) => world.held(wanted(reference).repository);
const notes = (): string[] => world.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
const tagOf = (digest: string, suffix = ''): string => `${digest.replace(':', '-')}${suffix}`;

it('copies what the referrers API lists, with the same digests and without tags', async () => {
  const { digest } = world.source(withApi).seed('api', '1');
  const found = [
    attach(withApi, 'api', artifact(digest)),
    attach(withApi, 'api', artifact(digest, { artifactType: sbom, content: 'packages' })),
  ];
  const result = await copy('quay.io/api:1');
  expect(result).toMatchObject({ state: 'copied', referrers: { copied: 2, current: 0, skipped: 0 } });
  const { manifests, tags } = ecr('quay.io/api:1');
  for (const one of found) expect(manifests.has(one)).toBe(true);
  expect([...tags.keys()]).toEqual(['1']);
});

it('copies what the fallback tag lists in a registry without the referrers API', async () => {
  const { digest } = world.source(withoutApi).seed('fallback', '1');
  const found = ['one', 'other'].map((content) =>
    attach(withoutApi, 'fallback', artifact(digest, { content, listed: true })),
  );
  expect((await copy('ghcr.io/fallback:1')).referrers).toEqual({ copied: 2, current: 0, skipped: 0 });
  const { manifests, tags } = ecr('ghcr.io/fallback:1');
  for (const one of found) expect(manifests.has(one)).toBe(true);
  // ECR lists them by itself.
  expect([...tags.keys()]).toEqual(['1']);
});

it.each(['.sig', '.att', '.sbom'])(
  'copies what cosign stores under a tag with %s, with its tag',
  async (suffix) => {
    const name = `cosign${suffix.replace('.', '-')}`;
    const { digest } = world.source(withoutApi).seed(name, '1');
    const stored = attach(withoutApi, name, artifact(digest, { suffix }));
    expect((await copy(`ghcr.io/${name}:1`)).referrers).toEqual({ copied: 1, current: 0, skipped: 0 });
    expect(ecr(`ghcr.io/${name}:1`).tags.get(tagOf(digest, suffix))).toBe(stored);
  },
);

it('copies them to an image that is current and lacks them, and nothing in a third run', async () => {
  const { digest } = world.source(withApi).seed('late', '1');
  await copy('quay.io/late:1', { referrers: false });
  attach(withApi, 'late', artifact(digest));
  attach(withApi, 'late', artifact(digest, { suffix: '.sig' }));
  expect(await copy('quay.io/late:1')).toMatchObject({
    state: 'current',
    referrers: { copied: 2, current: 0, skipped: 0 },
  });
  world.operations();
  expect(await copy('quay.io/late:1')).toMatchObject({
    state: 'current',
    referrers: { copied: 0, current: 2, skipped: 0 },
  });
  expect(world.operations().filter((one) => /Put|Upload/.test(one))).toEqual([]);
});

it('asks for no referrers without the option', async () => {
  const { digest } = world.source(withApi).seed('plain', '1');
  attach(withApi, 'plain', artifact(digest));
  world.operations();
  const result = await copy('quay.io/plain:1', { referrers: false });
  expect(result).not.toHaveProperty('referrers');
  expect(world.operations().filter((one) => one.endsWith('ListReferrers'))).toEqual([]);
});

it('copies the referrers of every image of an index, and those of referrers', async () => {
  const { digest, platforms } = world
    .source(withApi)
    .seed('deep', '1', { platforms: ['linux/amd64', 'linux/arm64'] });
  const list = attach(withApi, 'deep', artifact(digest, { artifactType: sbom, content: 'all packages' }));
  const found = [
    list,
    attach(withApi, 'deep', artifact(platforms['linux/amd64'] ?? '')),
    attach(withApi, 'deep', artifact(list)),
  ];
  expect((await copy('quay.io/deep:1')).referrers).toEqual({ copied: 3, current: 0, skipped: 0 });
  for (const one of found) expect(ecr('quay.io/deep:1').manifests.has(one)).toBe(true);
});

it('skips the signature of an index whose platforms are filtered, and copies those of its images', async () => {
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x'];
  const image = world.source(withApi).seed('filtered', '1', { platforms });
  attach(withApi, 'filtered', artifact(image.digest));
  attach(withApi, 'filtered', artifact(image.digest, { suffix: '.sig' }));
  attach(withApi, 'filtered', artifact(image.platforms['linux/arm64'] ?? ''));
  world.operations();
  const result = await copy('quay.io/filtered:1', { platforms: ['linux/amd64', 'linux/arm64'] });
  // For two images, the index at the source, and the referrer. The index in ECR is not at the source.
  expect(world.operations().filter((one) => one === 'source ListReferrers')).toHaveLength(4);
  expect(result).toMatchObject({ content: 'reduced', referrers: { copied: 1, current: 0, skipped: 2 } });
  expect(notes()).toEqual([expect.stringContaining('2 referrers were not copied: signatures of the index')]);
  expect(notes()[0]).toContain('--platform all');
  const one = await copy('quay.io/filtered:1', { platforms: ['linux/arm64'] });
  expect(one.referrers).toMatchObject({ copied: 0, current: 1, skipped: 2 });
});

it('skips the signature of an index if the tag in ECR is current with another index', async () => {
  const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x'];
  world.source(withApi).seed('narrowed', '1', { platforms });
  await copy('quay.io/narrowed:1');
  const { digest } = world.source(withApi).seed('narrowed', '1', { platforms: platforms.slice(0, 2) });
  const signature = attach(withApi, 'narrowed', artifact(digest));
  expect(await copy('quay.io/narrowed:1', { platforms: platforms.slice(0, 2) })).toMatchObject({
    state: 'current',
    content: 'whole',
    referrers: { copied: 0, current: 0, skipped: 1 },
  });
  expect(ecr('quay.io/narrowed:1').manifests.has(signature)).toBe(false);
});

it('warns of a type that ECR refuses, with its name, and copies the image and the others', async () => {
  const { digest } = world.source(withApi).seed('refused', '1');
  const bundle = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
  const refused = attach(withApi, 'refused', artifact(digest, { artifactType: bundle }));
  attach(withApi, 'refused', artifact(refused));
  attach(withApi, 'refused', artifact(digest));
  const result = await copy('quay.io/refused:1');
  expect(result).toMatchObject({ state: 'copied', referrers: { copied: 1, current: 0, skipped: 2 } });
  expect(result.error).toBeUndefined();
  const [note] = notes();
  expect(note).toContain(`ECR refuses the type ${bundle}`);
  expect(note).toContain('belong to a referrer that was not copied');
});

it('copies them to the repository of the image, whatever its name in ECR', async () => {
  const { digest } = world.source(withApi).seed('renamed', '1');
  const stored = attach(withApi, 'renamed', artifact(digest, { suffix: '.sig' }));
  const image = { ...wanted('quay.io/renamed:1'), repository: 'myproject/web/app' };
  world.addRepositories([image]);
  await world.mirror().copy([image], world.options({ referrers: true }));
  expect(world.held('myproject/web/app').tags.get(tagOf(digest, '.sig'))).toBe(stored);
});

it('writes nothing in a plan, and counts what a copy would write', async () => {
  const { digest } = world.source(withApi).seed('planned', '1');
  attach(withApi, 'planned', artifact(digest));
  const [result] = await world
    .mirror()
    .plan([wanted('quay.io/planned:1')], world.options({ referrers: true }));
  expect(result).toMatchObject({ state: 'would-copy', referrers: { copied: 1, current: 0, skipped: 0 } });
  expect(world.aws.sandbox.aws.registry.repositories.has('myproject/quay.io/planned')).toBe(false);
});

it('moves the tag of a signature that has changed, unless existing tags are kept', async () => {
  const { digest } = world.source(withApi).seed('resigned', '1');
  const tag = tagOf(digest, '.sig');
  const first = attach(withApi, 'resigned', artifact(digest, { suffix: '.sig' }));
  await copy('quay.io/resigned:1');
  const second = attach(withApi, 'resigned', artifact(digest, { suffix: '.sig', content: 'a new one' }));
  expect((await copy('quay.io/resigned:1', { noClobber: true })).referrers).toEqual({
    copied: 0,
    current: 0,
    skipped: 1,
  });
  expect(ecr('quay.io/resigned:1').tags.get(tag)).toBe(first);
  expect((await copy('quay.io/resigned:1')).referrers?.copied).toBe(1);
  expect(ecr('quay.io/resigned:1').tags.get(tag)).toBe(second);
});

it('counts a referrer of two tags of one image once as copied', async () => {
  const { digest } = world.source(withApi).seed('twice', '1');
  world.source(withApi).repositories.get('twice')?.tags.set('latest', digest);
  attach(withApi, 'twice', artifact(digest));
  const images = ['quay.io/twice:1', 'quay.io/twice:latest'].map(wanted);
  const planned = await world.mirror().plan(images, world.options({ referrers: true }));
  expect(planned.map(({ referrers }) => referrers?.copied)).toEqual([1, 0]);
  const results = await world.copy(['quay.io/twice:1', 'quay.io/twice:latest'], { referrers: true });
  expect(results.map(({ referrers }) => referrers)).toEqual([
    { copied: 1, current: 0, skipped: 0 },
    { copied: 0, current: 1, skipped: 0 },
  ]);
});

it('emits that an image is finished once, after its referrers', async () => {
  const { digest } = world.source(withApi).seed('order', '1');
  attach(withApi, 'order', artifact(digest));
  await copy('quay.io/order:1');
  const done = world.events.findIndex(({ type }) => type === 'image-done');
  const last = world.events.findLastIndex(
    (event) => event.type === 'progress' && event.progress.id === 'referrers',
  );
  expect(world.events.filter(({ type }) => type === 'image-done')).toHaveLength(1);
  expect(done).toBeGreaterThan(last);
  expect(world.events[last]).toMatchObject({
    progress: { label: '1 referrer copied; images', done: 1, total: 1 },
  });
});

it('lists referrers of an image in a Docker format under the fallback tag, because ECR does not list them', async () => {
  const { digest } = world.source(withApi).seed('schema2', '1', { schema2: true });
  const stored = attach(withApi, 'schema2', artifact(digest));
  expect((await copy('quay.io/schema2:1')).referrers?.copied).toBe(1);
  const list = ecr('quay.io/schema2:1').manifest(tagOf(digest));
  expect(JSON.parse(list?.bytes.toString() ?? '')).toMatchObject({
    manifests: [{ digest: stored, artifactType: signature }],
  });
  expect((await copy('quay.io/schema2:1')).referrers).toEqual({ copied: 0, current: 1, skipped: 0 });
  attach(withApi, 'schema2', artifact(digest, { content: 'another' }));
  expect((await copy('quay.io/schema2:1')).referrers).toEqual({ copied: 1, current: 1, skipped: 0 });
  const longer = ecr('quay.io/schema2:1').manifest(tagOf(digest));
  expect((JSON.parse(longer?.bytes.toString() ?? '') as { manifests: unknown[] }).manifests).toHaveLength(2);
});

it('writes no list of referrers if ECR accepted none of them', async () => {
  const { digest } = world.source(withApi).seed('unlisted', '1', { schema2: true });
  attach(withApi, 'unlisted', artifact(digest, { artifactType: 'application/vnd.example+json;version=1' }));
  expect((await copy('quay.io/unlisted:1')).referrers).toEqual({ copied: 0, current: 0, skipped: 1 });
  expect([...ecr('quay.io/unlisted:1').tags.keys()]).toEqual(['1']);
});

it('fails an image whose source does not answer about referrers, and keeps the image', async () => {
  const { digest } = world.source(withApi).seed('silent', '1');
  attach(withApi, 'silent', artifact(digest));
  const withdraw = world.aws.sandbox.faults.plan({
    service: 'source',
    operation: 'ListReferrers',
    resource: 'quay.io/silent',
    kind: 'error',
  });
  const result = await copy('quay.io/silent:1');
  expect(result).toMatchObject({ state: 'failed', error: { code: 'registry-failed' } });
  expect(ecr('quay.io/silent:1').tags.get('1')).toBe(digest);
  withdraw();
  expect(await copy('quay.io/silent:1')).toMatchObject({ state: 'current', referrers: { copied: 1 } });
});
