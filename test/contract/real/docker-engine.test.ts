import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import type { WantedImage } from '../../../src/images/wanted.ts';
import { connectDocker, type DockerPort } from '../../../src/clients/docker/index.ts';
import { createDockerEngine } from '../../../src/mirror/docker/engine.ts';
import { makeArchive, makeImage, type TestImage } from '../../support/images.ts';
import { startDocker, startRegistry, type RunningProgram } from '../../support/real.ts';
import {
  amd64,
  arm64,
  configOf,
  engineContract,
  expectError,
  freshImage,
  nameOf,
  only,
  sourceCredentials,
  uniqueName,
  wanted,
  watch,
  type EngineWorld,
} from '../engines.ts';

let parts: RunningProgram[] = [];
let world: EngineWorld;
/** Direct access to the engine, without the code under test. */
let docker: Docker;
let engineUrl: string;

const connect = (): Promise<DockerPort> => connectDocker({ host: engineUrl, env: {}, home: '/nowhere' });

beforeAll(async () => {
  const [source, target, daemon] = await Promise.all([startRegistry(), startRegistry(), startDocker()]);
  parts = [source, target, daemon];
  engineUrl = daemon.url;
  docker = new Docker({ socketPath: engineUrl.replace('unix://', '') });
  world = {
    source: source.registry,
    target: target.registry,
    engine: (credentials) =>
      createDockerEngine({
        docker: connect,
        target: target.registry,
        credentials,
        clock: systemClock,
      }),
  };
});

afterAll(async () => {
  await Promise.all(parts.map((part) => part.stop()));
});

engineContract('docker', () => world);

describe('Docker engine on a real daemon', () => {
  // The engine sorts images by the second of their creation. Images of the same second come in any order.
  const references = async (): Promise<string[]> =>
    (await docker.listImages())
      .flatMap((image) => [
        ...(image.RepoTags ?? []),
        ...((image as { RepoDigests?: string[] }).RepoDigests ?? []),
      ])
      .sort();

  const load = async (image: TestImage, reference: string): Promise<void> => {
    await text(Readable.from(await docker.loadImage(Readable.from([makeArchive(image, reference)]))));
  };

  it('leaves the local images as they were', async () => {
    const image = wanted(world, uniqueName('clean'));
    await world.source.put(nameOf(image), image.tag, freshImage());
    const before = await references();
    const result = only(await world.engine(sourceCredentials(world)).copy([image], watch().options));
    expect(result.state).toBe('copied');
    expect(await references()).toEqual(before);
  });

  it('restores a tag of the user that the pull of another platform moved', async () => {
    const image = wanted(world, uniqueName('borrowed'));
    const forArm = freshImage(arm64);
    await world.source.put(nameOf(image), image.tag, freshImage(), forArm);
    await load(forArm, image.source);
    const before = await references();
    const result = only(await world.engine(sourceCredentials(world)).copy([image], watch().options));
    expect(result).toMatchObject({ state: 'copied', platforms: ['linux/amd64'] });
    expect(await references()).toEqual(before);
    expect((await docker.getImage(image.source).inspect()).Id).toBe(forArm.config.digest);
  });

  it('keeps an image that the user had', async () => {
    const image = wanted(world, uniqueName('owned'));
    const made = freshImage();
    await world.source.put(nameOf(image), image.tag, made);
    await load(made, image.source);
    await world.engine(sourceCredentials(world)).copy([image], watch().options);
    expect((await docker.getImage(image.source).inspect()).Id).toBe(made.config.digest);
  });

  it('copies an image that only the local engine has, and reports it', async () => {
    const image = wanted(world, uniqueName('local'));
    const made = freshImage();
    await load(made, image.source);
    const { options, events } = watch();
    const result = only(await world.engine(sourceCredentials(world)).copy([image], options));
    expect(result.state).toBe('copied');
    expect(await configOf(world.target, image.repository, image.tag)).toBe(made.config.digest);
    expect(events).toContainEqual({
      type: 'note',
      text: expect.stringContaining(`using the local image ${image.source} of the Docker engine`) as string,
    });
  });

  /** An image whose source is unreachable. */
  const unreachable = (stem: string): WantedImage => {
    const image = wanted(world, uniqueName(stem));
    return { ...image, source: image.source.replace(world.source.address, '127.0.0.1:1') };
  };

  it('keeps a tag in ECR when the source is unreachable', async () => {
    const image = unreachable('stale');
    await load(freshImage(), image.source);
    const digest = await world.target.put(image.repository, image.tag, freshImage(), freshImage(arm64));
    const engine = world.engine(sourceCredentials(world));
    for (const act of ['plan', 'copy'] as const) {
      const { options, events } = watch();
      const { state, error } = only(await engine[act]([image], options));
      expect(state).toBe('failed');
      expectError(error, 'docker-failed', image.source);
      expect(events.filter(({ type }) => type === 'note')).toEqual([]);
    }
    expect((await world.target.manifest(image.repository, image.tag))?.digest).toBe(digest);
  });

  it('fills a tag that ECR lacks when the source is unreachable, and then reports it as current', async () => {
    const image = unreachable('filled');
    const made = freshImage();
    await load(made, image.source);
    const engine = world.engine(sourceCredentials(world));
    expect(only(await engine.copy([image], watch().options)).state).toBe('copied');
    expect(await configOf(world.target, image.repository, image.tag)).toBe(made.config.digest);
    expect(only(await engine.copy([image], watch().options)).state).toBe('current');
  });

  it("does not copy a workload's image from the local engine when the source rejects the login", async () => {
    const image = { ...wanted(world, uniqueName('refused')), wantedBy: ['Deployment shop/web'] };
    const made = freshImage();
    await world.source.put(nameOf(image), image.tag, made);
    await load(made, image.source);
    const anonymous = world.engine({ find: () => Promise.resolve(undefined) });
    const { error } = only(await anonymous.copy([image], watch().options));
    expectError(error, 'registry-denied', image.source);
    expect(await world.target.manifest(image.repository, image.tag)).toBeUndefined();
  });

  it('copies a configured image from the local engine when the source rejects the login', async () => {
    const image = wanted(world, uniqueName('built'));
    const made = freshImage();
    await world.source.put(nameOf(image), image.tag, freshImage());
    await load(made, image.source);
    const anonymous = world.engine({ find: () => Promise.resolve(undefined) });
    expect(only(await anonymous.copy([image], watch().options)).state).toBe('copied');
    expect(await configOf(world.target, image.repository, image.tag)).toBe(made.config.digest);
  });

  it('rejects pinned images, even with a tag, because a push may change the digest', async () => {
    const image = wanted(world, uniqueName('pinned'));
    const digest = await world.source.put(nameOf(image), image.tag, freshImage());
    const pinned = { ...image, source: `${image.source}@${digest}` };
    const engine = world.engine(sourceCredentials(world));
    const { error } = only(await engine.copy([pinned], watch().options));
    expectError(error, 'image-unsupported', pinned.source);
    expect(await world.target.manifest(image.repository, image.tag)).toBeUndefined();
  });

  it('rejects several platforms and explains that this engine keeps one', async () => {
    const image = wanted(world, uniqueName('several'));
    await world.source.put(nameOf(image), image.tag, freshImage(), freshImage(arm64));
    const engine = world.engine(sourceCredentials(world));
    for (const platforms of ['all', ['linux/amd64', 'linux/arm64']] as const) {
      const { error } = only(await engine.copy([image], watch({ platforms }).options));
      expectError(error, 'image-platform-missing', image.source);
      expect(error?.why).toContain('stores one platform');
    }
  });

  it('copies the only platform of an image when all platforms are requested', async () => {
    const image = wanted(world, uniqueName('all'));
    await world.source.put(nameOf(image), image.tag, freshImage(arm64));
    const engine = world.engine(sourceCredentials(world));
    const result = only(await engine.copy([image], watch({ platforms: 'all' }).options));
    expect(result).toMatchObject({ state: 'copied', platforms: ['linux/arm64'] });
  });

  it('counts sent and skipped bytes as the registry stores them', async () => {
    const [first, second] = [wanted(world, uniqueName('counted')), wanted(world, uniqueName('counted'))];
    const shared = `shared ${uniqueName('layer')}`;
    const base = makeImage(amd64, [shared]);
    const grown = makeImage(amd64, [shared, `more ${uniqueName('layer')}`]);
    await world.source.put(nameOf(first), first.tag, base);
    await world.source.put(nameOf(second), second.tag, grown);
    const again = { ...second, repository: first.repository, tag: '2.0' };
    const engine = world.engine(sourceCredentials(world));
    const one = only(await engine.copy([first], watch().options));
    const two = only(await engine.copy([again], watch().options));
    expect(one.bytesSent).toBeGreaterThan(0);
    expect(two.bytesSkipped).toBe(one.bytesSent);
    expect(two.bytesSent).toBeGreaterThan(0);
  });

  it('restores local references when it is aborted', async () => {
    const image = wanted(world, uniqueName('interrupted'));
    await world.source.put(nameOf(image), image.tag, makeImage(amd64, [Buffer.alloc(30_000_000, 1)]));
    const before = await references();
    const abort = new AbortController();
    const { options } = watch({
      signal: abort.signal,
      emit: (event) => {
        if (event.type === 'progress' && event.progress.label.startsWith('push'))
          abort.abort(new Error('enough'));
      },
    });
    const copying = world.engine(sourceCredentials(world)).copy([image], options);
    await expect(copying).rejects.toThrow('enough');
    expect(await references()).toEqual(before);
  });

  it('reports a push that the registry rejects although the engine answered 200', async () => {
    const image = wanted(world, uniqueName('refused'));
    await world.source.put(nameOf(image), image.tag, freshImage());
    const engine = createDockerEngine({
      docker: connect,
      target: {
        host: () => world.target.host(),
        credential: () => Promise.resolve({ ...world.target.user, username: 'nobody' }),
        manifest: (repository, reference) => world.target.manifest(repository, reference),
      },
      credentials: sourceCredentials(world),
      clock: systemClock,
    });
    const { error } = only(await engine.copy([image], watch().options));
    expectError(error, 'registry-denied', image.repository);
  });
});
