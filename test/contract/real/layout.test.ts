import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, type TestContext } from 'vitest';
import { createNet, type Net } from '../../../src/clients/net/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { WantedImage } from '../../../src/images/wanted.ts';
import { createLayoutMirror } from '../../../src/mirror/index.ts';
import { Layout } from '../../../src/mirror/layout/layout.ts';
import { readOperatorYaml, writeOperatorYaml } from '../../../src/mirror/layout/operator-yaml.ts';
import { layoutSource } from '../../../src/mirror/layout/registry.ts';
import { makeImage, makeIndex } from '../../support/images.ts';
import { OciServer } from '../../support/oci-server.ts';
import { needTool, type Tool } from '../../support/real.ts';

let server: OciServer;
let net: Net;
let folder: string;
let name: string;

const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
const images = platforms.map((platform) => makeImage(platform, ['shared', platform.architecture]));
const [single] = images;
const index = makeIndex(images);

beforeEach(async () => {
  server = await OciServer.start();
  net = createNet();
  folder = await mkdtemp(join(tmpdir(), 'layout-'));
  name = `${server.host}/team/app`;
  server.put('team/app', 'multi', images, index);
  server.put('team/app', 'single', images.slice(0, 1));
});
afterEach(async () => {
  await net.close();
  await server.close();
  await rm(folder, { recursive: true });
});

const need = (context: TestContext, tool: string): Tool => needTool(context, tool, folder);

const layout = (): Layout => new Layout(join(folder, 'images'), 'oci:images');

async function write(states = ['copied', 'copied']): Promise<void> {
  const wanted = ['multi', 'single'].map((tag): WantedImage => ({
    source: `${name}:${tag}`,
    repository: 'unused',
    tag,
    wantedBy: ['test'],
    byHand: true,
  }));
  const env = { HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
  const mirror = createLayoutMirror({ net, clock: systemClock, env, insecure: [server.host] }, layout());
  const results = await mirror.copy(wanted, {
    engine: 'registry',
    platforms: 'all',
    concurrency: 4,
    signal: new AbortController().signal,
    emit: () => undefined,
  });
  expect(results.map(({ state }) => state)).toEqual(states);
  await writeOperatorYaml(layout(), 'kind: Deployment\n');
}

/** Reads every byte of an image of the layout, as `mirror --from` does. */
async function digestOf(tag: string): Promise<string | undefined> {
  const source = layoutSource(layout(), systemClock)(server.host);
  const call = { signal: new AbortController().signal };
  return source.headManifest('team/app', tag, call);
}

it('writes a layout that skopeo copies, with all platforms', async (context) => {
  const skopeo = need(context, 'skopeo');
  await write();
  const from = `oci:${join(folder, 'images')}:${name}`;
  const to = `docker://${server.host}/copy/app`;
  server.repository('copy/app');
  await skopeo(
    '--insecure-policy',
    'copy',
    '--all',
    '--dest-tls-verify=false',
    `${from}:multi`,
    `${to}:multi`,
  );
  await skopeo('--insecure-policy', 'copy', '--dest-tls-verify=false', `${from}:single`, `${to}:single`);
  const { manifests } = server.repository('copy/app');
  expect(manifests.get('multi')?.digest).toBe(index.digest);
  expect(manifests.get('single')?.digest).toBe(single?.manifest.digest);
});

it('writes a layout that regctl reads by tag and by digest', async (context) => {
  const regctl = need(context, 'regctl');
  await write();
  const from = `ocidir://${join(folder, 'images')}`;
  expect((await regctl('manifest', 'head', `${from}:multi`)).trim()).toBe(index.digest);
  expect((await regctl('manifest', 'head', `${from}:single`)).trim()).toBe(single?.manifest.digest);
  expect(await regctl('image', 'config', `${from}@${single?.manifest.digest}`)).toContain('amd64');
  expect(await regctl('artifact', 'get', `${from}:external-secrets.yaml`)).toBe('kind: Deployment\n');
});

it('writes a layout that crane pushes as a whole', async (context) => {
  const crane = need(context, 'crane');
  await write();
  server.repository('copy/all');
  await crane('--insecure', 'push', '--index', join(folder, 'images'), `${server.host}/copy/all:1`);
  const { blobs, manifests } = server.repository('copy/all');
  for (const { config, layers, manifest } of images) {
    expect(manifests.has(manifest.digest)).toBe(true);
    for (const blob of [config, ...layers]) expect(blobs.has(blob.digest)).toBe(true);
  }
});

it('reads a layout that skopeo wrote', async (context) => {
  const skopeo = need(context, 'skopeo');
  const to = `oci:${join(folder, 'images')}:${name}`;
  for (const tag of ['multi', 'single']) {
    const from = `docker://${name}:${tag}`;
    await skopeo('--insecure-policy', 'copy', '--all', '--src-tls-verify=false', from, `${to}:${tag}`);
  }
  expect(await digestOf('multi')).toBe(index.digest);
  expect(await digestOf('single')).toBe(single?.manifest.digest);
  expect(await layout().isComplete(index.digest)).toBe(true);
  expect(await readOperatorYaml(layout())).toBeUndefined();
});

it('reads a layout that regctl wrote, whose entries have only tags', async (context) => {
  const regctl = need(context, 'regctl');
  const to = `ocidir://${join(folder, 'images')}`;
  for (const tag of ['multi', 'single']) {
    await regctl(
      '--host',
      `reg=${server.host},tls=disabled`,
      'image',
      'copy',
      `${name}:${tag}`,
      `${to}:${tag}`,
    );
  }
  expect(await digestOf('multi')).toBe(index.digest);
  expect(await digestOf('single')).toBe(single?.manifest.digest);
  expect(await layout().isComplete(index.digest)).toBe(true);
});

it('reads a layout that crane wrote', async (context) => {
  const crane = need(context, 'crane');
  const flags = ['--insecure', 'pull', '--format', 'oci', '--annotate-ref'];
  for (const tag of ['multi', 'single']) await crane(...flags, `${name}:${tag}`, join(folder, 'images'));
  expect(await digestOf('multi')).toBe(index.digest);
  expect(await digestOf('single')).toBe(single?.manifest.digest);
  expect(await layout().isComplete(index.digest)).toBe(true);
});

it('adds images to a layout of another tool, and keeps what it has', async (context) => {
  const crane = need(context, 'crane');
  await crane(
    '--insecure',
    'pull',
    '--format',
    'oci',
    '--annotate-ref',
    `${name}:single`,
    join(folder, 'images'),
  );
  await write(['copied', 'current']);
  const entries = await layout().entries();
  expect(entries.map((entry) => entry.name ?? entry.tag).sort()).toEqual(
    [`${name}:multi`, `${name}:single`, 'external-secrets.yaml'].sort(),
  );
});
