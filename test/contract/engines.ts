import { describe, expect, it } from 'vitest';
import type { BootstrapError } from '../../src/core/errors.ts';
import type { WantedImage } from '../../src/images/wanted.ts';
import type { Engine, EngineOptions } from '../../src/mirror/engine.ts';
import type { MirrorResult } from '../../src/mirror/engine.ts';
import type { Emit } from '../../src/core/step.ts';
import type { CredentialStore } from '../../src/clients/registry/credentials.ts';
import { makeImage, type TestImage } from '../support/images.ts';
import type { TestRegistry } from '../support/registry.ts';

/** The real registries of a suite, and a function that creates the engine under test between them. */
export interface EngineWorld {
  readonly source: TestRegistry;
  readonly target: TestRegistry;
  engine(credentials: CredentialStore): Engine;
}

export const amd64 = { os: 'linux', architecture: 'amd64' };
export const arm64 = { os: 'linux', architecture: 'arm64', variant: 'v8' };

let counter = 0;

/** Returns a name that no other test uses. */
export const uniqueName = (stem: string): string => `team/${stem}-${++counter}`;

/** Builds a unique image, with two layers that share nothing. */
export const freshImage = (platform = amd64): TestImage =>
  makeImage(platform, [`base ${uniqueName('base')}`, `top ${uniqueName('top')}`]);

export function wanted({ source }: EngineWorld, name: string, tag = '1.0'): WantedImage {
  const reference = `${source.address}/${name}:${tag}`;
  return { source: reference, repository: `project/${name}`, tag, wantedBy: ['config'] };
}

/** The source's own user for the source, and no credentials for other registries. */
export const sourceCredentials = ({ source }: EngineWorld): CredentialStore => ({
  find: (host) => Promise.resolve(host === source.address ? source.user : undefined),
});

export interface Watched {
  readonly options: EngineOptions;
  readonly events: Parameters<Emit>[0][];
}

/** Options of a run that records its events. */
export function watch(changes: Partial<EngineOptions> = {}): Watched {
  const events: Parameters<Emit>[0][] = [];
  const options = {
    platforms: ['linux/amd64'],
    concurrency: 4,
    signal: new AbortController().signal,
    emit: (event: Parameters<Emit>[0]) => events.push(event),
    ...changes,
  };
  return { options, events };
}

/** The digest of the config behind a tag, for an image of one platform. */
export async function configOf(registry: TestRegistry, repository: string, tag: string): Promise<unknown> {
  const held = await registry.manifest(repository, tag);
  return held && (JSON.parse(held.bytes.toString()) as { config?: { digest?: string } }).config?.digest;
}

export function only(results: readonly MirrorResult[]): MirrorResult {
  const [result] = results;
  if (!result || results.length > 1) throw new Error(`expected one result, got ${results.length}`);
  return result;
}

/** The contract of every engine. It uses a single platform, because one of the engines supports no more. */
export function engineContract(name: string, start: () => EngineWorld): void {
  describe(`${name} engine`, () => {
    const copyOne = async (image: WantedImage, changes: Partial<EngineOptions> = {}): Promise<MirrorResult> =>
      only(await start().engine(sourceCredentials(start())).copy([image], watch(changes).options));
    const planOne = async (image: WantedImage): Promise<MirrorResult> =>
      only(await start().engine(sourceCredentials(start())).plan([image], watch().options));

    it('copies an image so that the tag has the same config', async () => {
      const world = start();
      const image = wanted(world, uniqueName('copied'));
      const made = freshImage();
      const digest = await world.source.put(nameOf(image), image.tag, made);
      const result = await copyOne(image);
      expect(result).toMatchObject({
        state: 'copied',
        target: `${world.target.address}/${image.repository}:1.0`,
        sourceDigest: digest,
        platforms: ['linux/amd64'],
      });
      expect(await configOf(world.target, image.repository, image.tag)).toBe(made.config.digest);
    });

    it('returns the digest that the registry holds', async () => {
      const world = start();
      const image = wanted(world, uniqueName('digest'));
      await world.source.put(nameOf(image), image.tag, freshImage());
      const { targetDigest } = await copyOne(image);
      expect((await world.target.manifest(image.repository, image.tag))?.digest).toBe(targetDigest);
    });

    it('reports a copied image as current and sends nothing', async () => {
      const world = start();
      const image = wanted(world, uniqueName('current'));
      await world.source.put(nameOf(image), image.tag, freshImage());
      const { targetDigest } = await copyOne(image);
      expect(await copyOne(image)).toMatchObject({ state: 'current', targetDigest, bytesSent: 0 });
      expect(await planOne(image)).toMatchObject({ state: 'current', targetDigest });
    });

    it('plans a copy without writing', async () => {
      const world = start();
      const image = wanted(world, uniqueName('planned'));
      await world.source.put(nameOf(image), image.tag, freshImage());
      expect((await planOne(image)).state).toBe('would-copy');
      expect(await world.target.manifest(image.repository, image.tag)).toBeUndefined();
    });

    it('moves a tag whose source has moved, and reports both digests', async () => {
      const world = start();
      const image = wanted(world, uniqueName('moved'));
      await world.source.put(nameOf(image), image.tag, freshImage());
      const { targetDigest: previousDigest } = await copyOne(image);
      const newer = freshImage();
      await world.source.put(nameOf(image), image.tag, newer);
      expect(await planOne(image)).toMatchObject({ state: 'would-move', previousDigest });
      expect(await copyOne(image)).toMatchObject({ state: 'moved', previousDigest });
      expect(await configOf(world.target, image.repository, image.tag)).toBe(newer.config.digest);
    });

    it('keeps a tag that differs when it must not clobber', async () => {
      const world = start();
      const image = wanted(world, uniqueName('kept'));
      const older = freshImage();
      await world.source.put(nameOf(image), image.tag, older);
      await copyOne(image);
      await world.source.put(nameOf(image), image.tag, freshImage());
      expect((await copyOne(image, { noClobber: true })).state).toBe('kept');
      expect(await configOf(world.target, image.repository, image.tag)).toBe(older.config.digest);
    });

    it('copies the requested platform of an index', async () => {
      const world = start();
      const image = wanted(world, uniqueName('index'));
      const forArm = freshImage(arm64);
      const digest = await world.source.put(nameOf(image), image.tag, freshImage(), forArm);
      const result = await copyOne(image, { platforms: ['linux/arm64'] });
      expect(result).toMatchObject({ state: 'copied', sourceDigest: digest, platforms: ['linux/arm64'] });
    });

    it('fails an image that lacks the platform, and lists the platforms of the image', async () => {
      const world = start();
      const image = wanted(world, uniqueName('platform'));
      await world.source.put(nameOf(image), image.tag, freshImage(), freshImage(arm64));
      const { state, error } = await copyOne(image, { platforms: ['linux/s390x'] });
      expect(state).toBe('failed');
      expectError(error, 'image-platform-missing', image.source);
      expect(error?.why).toContain('linux/amd64');
    });

    it('fails only the missing image, and returns results in the order of the images', async () => {
      const world = start();
      const [first, missing, last] = ['first', 'missing', 'last'].map((stem) =>
        wanted(world, uniqueName(stem)),
      ) as [WantedImage, WantedImage, WantedImage];
      for (const image of [first, last]) await world.source.put(nameOf(image), image.tag, freshImage());
      const engine = world.engine(sourceCredentials(world));
      const results = await engine.copy([first, missing, last], watch().options);
      expect(results.map(({ state }) => state)).toEqual(['copied', 'failed', 'copied']);
      expectError(results[1]?.error, 'image-missing', missing.source);
    });

    it('reports that a source requires credentials', async () => {
      const world = start();
      const image = wanted(world, uniqueName('private'));
      await world.source.put(nameOf(image), image.tag, freshImage());
      const anonymous = world.engine({ find: () => Promise.resolve(undefined) });
      expectError(
        only(await anonymous.copy([image], watch().options)).error,
        'registry-denied',
        image.source,
      );
    });

    it('reports progress in bytes, in total and per image, until the end', async () => {
      const world = start();
      const image = wanted(world, uniqueName('progress'));
      const large = makeImage(amd64, [Buffer.alloc(4_000_000, counter), `top ${counter}`]);
      await world.source.put(nameOf(image), image.tag, large);
      const { options, events } = watch();
      await world.engine(sourceCredentials(world)).copy([image], options);
      for (const id of ['images', image.source]) {
        const progress = events.flatMap((event) =>
          event.type === 'progress' && event.progress.id === id ? [event.progress] : [],
        );
        const final = progress.at(-1);
        expect(final).toMatchObject({ unit: 'bytes' });
        expect(final?.done).toBe(final?.total);
        expect(progress.map(({ done }) => done)).toEqual(
          progress.map(({ done }) => done).toSorted((a, b) => a - b),
        );
      }
    });

    it('stops with the reason of an abort and leaves no tag behind', async () => {
      const world = start();
      const image = wanted(world, uniqueName('aborted'));
      await world.source.put(nameOf(image), image.tag, freshImage());
      const abort = new AbortController();
      abort.abort(new Error('enough'));
      const { options } = watch({ signal: abort.signal });
      await expect(world.engine(sourceCredentials(world)).copy([image], options)).rejects.toThrow('enough');
      expect(await world.target.manifest(image.repository, image.tag)).toBeUndefined();
    });
  });
}

/** The source repository of a desired image. */
export const nameOf = ({ repository }: WantedImage): string => repository.replace('project/', '');

export function expectError(error: BootstrapError | undefined, code: string, target: string): void {
  expect(error?.code).toBe(code);
  expect(error?.what).toContain(target);
  expect(error?.why).not.toBe('');
  expect(error?.hint).not.toBe('');
}
