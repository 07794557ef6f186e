import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, type TestContext } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { WantedImage } from '../../../src/images/wanted.ts';
import { createLayoutMirror } from '../../../src/mirror/index.ts';
import { Layout } from '../../../src/mirror/layout/layout.ts';
import { layoutSource } from '../../../src/mirror/layout/registry.ts';
import { createRegistryEngine } from '../../../src/mirror/registry/engine.ts';
import { Contents } from '../../../src/mirror/registry/contents.ts';
import { openRegistries } from '../../../src/clients/registry/index.ts';
import { makeImage } from '../../support/images.ts';
import { needTool, type Tool } from '../../support/real.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

let world: EngineWorld;
let folder: string;
const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
const type = 'application/vnd.example.sbom';

beforeEach(async () => {
  world = await EngineWorld.start();
  folder = await mkdtemp(join(tmpdir(), 'referrers-'));
  await writeFile(join(folder, 'sbom.json'), '{"packages": []}');
  world.source.put('app', '1', [image]);
});
afterEach(async () => {
  await world.close();
  await rm(folder, { recursive: true });
});

const need = (context: TestContext, tool: string): Tool => needTool(context, tool, folder);
const host = (): string => world.source.host;
const layout = (): Layout => new Layout(join(folder, 'images'), 'oci:images');

/** Attaches an SBOM at the source, which has no referrers API, so that ORAS maintains a list. @returns its digest */
async function attach(oras: Tool): Promise<string> {
  await oras(
    'attach',
    '--plain-http',
    '--artifact-type',
    type,
    `${host()}/app:1`,
    'sbom.json:application/json',
  );
  const { manifests } = world.source.repository('app');
  const list = JSON.parse(manifests.get(listTag)?.bytes.toString() ?? '{}') as {
    readonly manifests?: readonly { readonly digest: string }[];
  };
  return list.manifests?.[0]?.digest ?? 'none';
}
const listTag = image.manifest.digest.replace(':', '-');

async function writeLayout(): Promise<void> {
  const wanted: WantedImage = { ...world.wanted('app'), byHand: true };
  const env = { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
  const { net } = world;
  const mirror = createLayoutMirror({ net, clock: systemClock, env, insecure: [host()] }, layout());
  const results = await mirror.copy([wanted], { ...world.options({ referrers: true }), engine: 'registry' });
  expect(results).toMatchObject([{ state: 'copied', referrers: { copied: 1, skipped: 0 } }]);
}

/** Copies the image of the layout, with its referrers, to the target. */
async function readLayout() {
  const { net } = world;
  const credentials = { find: () => Promise.resolve(undefined) };
  const registries = openRegistries({ net, clock: systemClock, credentials });
  const engine = createRegistryEngine({
    clock: systemClock,
    target: registries.own(world.target.host, world.identity, {}),
    sourceOf: layoutSource(layout(), systemClock),
    contents: new Contents({ get: () => Promise.resolve(undefined), put: () => Promise.resolve() }),
    history: {
      has: () => Promise.resolve(false),
      add: () => Promise.resolve(),
      remove: () => Promise.resolve(),
    },
    folder,
    mounting: () => Promise.resolve(false),
  });
  const results = await engine.copy([world.wanted('app')], world.options({ referrers: true }));
  return results[0];
}

it('copies what ORAS attached, so that ORAS finds it at the target', async (context) => {
  const oras = need(context, 'oras');
  const digest = await attach(oras);
  const [result] = await world.copy(['app'], { referrers: true });
  expect(result?.referrers).toEqual({ copied: 1, current: 0, skipped: 0 });
  const found = await oras('discover', '--plain-http', `${world.target.host}/p/app:1`);
  expect(found).toContain(type);
  expect(found).toContain(digest);
  await oras('pull', '--plain-http', '-o', 'pulled', `${world.target.host}/p/app@${digest}`);
  expect(await readFile(join(folder, 'pulled/sbom.json'), 'utf8')).toBe('{"packages": []}');
});

it('copies what regctl attached, so that regctl finds it at the target', async (context) => {
  const regctl = need(context, 'regctl');
  const plain = [world.source, world.target].flatMap((one) => ['--host', `reg=${one.host},tls=disabled`]);
  const put = [
    'artifact',
    'put',
    '--artifact-type',
    type,
    '--file',
    'sbom.json',
    '--file-media-type',
    'application/json',
  ];
  await regctl(...plain, ...put, '--subject', `${host()}/app:1`);
  const [result] = await world.copy(['app'], { referrers: true });
  expect(result?.referrers).toEqual({ copied: 1, current: 0, skipped: 0 });
  const list = async (reference: string): Promise<unknown> => {
    const { manifests } = JSON.parse(
      await regctl(...plain, 'artifact', 'list', reference, '--format', 'body'),
    ) as { readonly manifests: readonly unknown[] };
    return manifests;
  };
  const attached = await list(`${host()}/app:1`);
  expect(attached).toHaveLength(1);
  expect(await list(`${world.target.host}/p/app:1`)).toEqual(attached);
});

it('writes a layout in which ORAS and regctl find the referrers', async (context) => {
  const oras = need(context, 'oras');
  const regctl = need(context, 'regctl');
  const digest = await attach(oras);
  await writeLayout();
  const found = await oras('discover', '--oci-layout', `${join(folder, 'images')}@${image.manifest.digest}`);
  expect(found).toContain(digest);
  const listed = await regctl('artifact', 'list', `ocidir://${join(folder, 'images')}:1`, '--format', 'body');
  expect(listed).toContain(digest);
});

it('copies from its own layout, from one of ORAS and from one of regctl', async (context) => {
  const oras = need(context, 'oras');
  const regctl = need(context, 'regctl');
  const digest = await attach(oras);
  const folders = join(folder, 'images');
  const writers: readonly (() => Promise<unknown>)[] = [
    writeLayout,
    () => oras('copy', '-r', '--from-plain-http', '--to-oci-layout', `${host()}/app:1`, `${folders}:1`),
    () => {
      const plain = ['--host', `reg=${host()},tls=disabled`];
      return regctl(...plain, 'image', 'copy', '--referrers', `${host()}/app:1`, `ocidir://${folders}:1`);
    },
  ];
  for (const write of writers) {
    await rm(folders, { recursive: true, force: true });
    world.target.repositories.clear();
    await write();
    expect(await readLayout()).toMatchObject({
      state: 'copied',
      referrers: { copied: 1, current: 0, skipped: 0 },
    });
    expect(world.target.repository('p/app').manifests.has(digest)).toBe(true);
  }
});

it('copies the tags of cosign from a layout of regctl', async (context) => {
  const regctl = need(context, 'regctl');
  const signature = makeImage(image.platform, ['signature']);
  world.source.put('app', `${listTag}.sig`, [signature]);
  const to = `ocidir://${join(folder, 'images')}:1`;
  const flags = ['--host', `reg=${host()},tls=disabled`, 'image', 'copy', '--digest-tags'];
  await regctl(...flags, `${host()}/app:1`, to);
  expect(await readLayout()).toMatchObject({ referrers: { copied: 1, current: 0, skipped: 0 } });
  const { manifests } = world.target.repository('p/app');
  expect(manifests.get(`${listTag}.sig`)?.digest).toBe(signature.manifest.digest);
});

it('copies a chart that Helm pushed, so that Helm pulls it from the target', async (context) => {
  const helm = need(context, 'helm');
  await mkdir(join(folder, 'web'));
  await writeFile(join(folder, 'web/Chart.yaml'), 'apiVersion: v2\nname: web\nversion: 1.2.3+build.4\n');
  await helm('package', 'web');
  world.source.repository('charts/web');
  await helm('push', '--plain-http', 'web-1.2.3+build.4.tgz', `oci://${host()}/charts`);
  const wanted = world.wanted('charts/web', '1.2.3_build.4');
  const [result] = await world.engine().copy([wanted], world.options({ platforms: ['linux/arm64'] }));
  expect(result).toMatchObject({ state: 'copied', platforms: [] });
  const pull = ['pull', '--plain-http', '--version', '1.2.3+build.4', '--destination', 'pulled'];
  await mkdir(join(folder, 'pulled'));
  await helm(...pull, `oci://${world.target.host}/p/charts/web`);
  expect(await readFile(join(folder, 'pulled/web-1.2.3+build.4.tgz'))).toEqual(
    await readFile(join(folder, 'web-1.2.3+build.4.tgz')),
  );
});
