import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BootstrapError } from '../../../src/core/errors.ts';
import type { WantedImage } from '../../../src/images/wanted.ts';
import type { EngineOptions } from '../../../src/mirror/engine.ts';
import { missingContent } from '../../support/fault-world.ts';
import { makeImage, makeIndex, type TestImage } from '../../support/images.ts';
import { OciServer, type RecordedRequest } from '../../support/oci-server.ts';
import { EngineWorld } from '../../support/registry-engine.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const base = randomBytes(100_000);
const first = makeImage(amd64, [base, 'first']);
const second = makeImage(amd64, [base, 'second']);
const [shared] = first.layers;

let world: EngineWorld;
/** A registry that answers only after the first image is in the target. */
let slow: OciServer;
let answer: () => void;
beforeEach(async () => {
  world = await EngineWorld.start();
  world.groupMs = 50;
  slow = await OciServer.start();
  const answers = new Promise<void>((resolve) => (answer = resolve));
  slow.hold = () => answers;
  world.target.misbehavior = whenTagged;
});
afterEach(async () => {
  await slow.close();
  await world.close();
});

/** Runs before each request to the target is served. */
function whenTagged({ kind, reference }: RecordedRequest): undefined {
  if (kind === 'PUT manifests' && reference === '1') answer();
  return undefined;
}

const put = (server: OciServer, name: string, image: TestImage) => server.put(name, '1', [image]);

function wanted(server: OciServer, name: string, repository: string, tag = '1'): WantedImage {
  world.target.repository(repository);
  return { source: `${server.host}/${name}:1`, repository, tag, wantedBy: ['test'] };
}

const twoImages = (repository = 'p/second', tag = '1'): WantedImage[] => {
  put(world.source, 'first', first);
  put(slow, 'second', second);
  return [wanted(slow, 'second', repository, tag), wanted(world.source, 'first', 'p/first')];
};

async function copy(images: readonly WantedImage[], more: Partial<EngineOptions> = {}): Promise<string[]> {
  const results = await world.engine().copy(images, world.options(more));
  return results.map(({ state, error }) => error?.code ?? state);
}

/** Downloads of the shared layer. */
const reads = () =>
  [...world.source.requests, ...slow.requests].filter(
    ({ kind, reference }) => kind === 'GET blobs' && reference === shared?.digest,
  ).length;

/** Requests of one kind for a repository of the target. */
const requestsTo = (repository: string, kind: string) =>
  world.target.requests.filter((request) => request.repository === repository && request.kind === kind);

describe('while a slow source has not answered', () => {
  it('images of other sources are copied, and the results keep the order of the images', async () => {
    world.groupMs = undefined;
    expect(await copy(twoImages())).toEqual(['copied', 'copied']);
    expect(world.target.repositories.get('p/first')?.manifests.get('1')?.digest).toBe(first.manifest.digest);
    expect(missingContent(world.target)).toEqual([]);
  });

  it('blobs are copied that its images mount afterwards', async () => {
    expect(await copy(twoImages())).toEqual(['copied', 'copied']);
    // Each has a layer and a config of its own.
    expect(world.target.counts()['PUT uploads']).toBe(5);
    expect(reads()).toBe(1);
  });

  it.each([false, undefined])(
    'blobs are read that its images do not read again when mounts are refused and the setting is %s',
    async (mounting) => {
      world.mounting = mounting;
      world.target.misbehavior = (request) => {
        whenTagged(request);
        const location = `/v2/${request.repository}/blobs/uploads/1`;
        return request.kind === 'POST uploads' ? { status: 202, headers: { location } } : undefined;
      };
      expect(await copy(twoImages())).toEqual(['copied', 'copied']);
      expect(reads()).toBe(1);
      expect(missingContent(world.target)).toEqual([]);
    },
  );

  it('blobs are copied that its image in the same repository needs no request for', async () => {
    expect(await copy(twoImages('p/first', '2'))).toEqual(['copied', 'copied']);
    expect(requestsTo('p/first', 'POST uploads')).toHaveLength(5);
  });

  it('a failed image does not fail its image in the same repository', async () => {
    const images = twoImages('p/first', '2');
    const failing = wanted(world.source, 'failing', 'p/failing');
    put(world.source, 'failing', makeImage(amd64, ['failing']));
    world.source.misbehavior = ({ kind, repository, reference }) =>
      kind === 'GET blobs' && repository === 'first' && reference === shared?.digest
        ? { status: 403, body: '{}' }
        : undefined;
    expect(await copy([...images, failing])).toEqual(['copied', 'registry-denied', 'copied']);
    expect(missingContent(world.target)).toEqual([]);
  });

  it('images are copied, but not its own when their repository cannot be created', async () => {
    const refused = new BootstrapError({ code: 'aws-denied', what: 'w', why: 'y', hint: 'h' });
    const prepare: EngineOptions['prepare'] = (images) =>
      Promise.resolve(
        new Map(
          images.flatMap(({ repository }) => (repository === 'p/second' ? [[repository, refused]] : [])),
        ),
      );
    expect(await copy(twoImages(), { prepare })).toEqual(['aws-denied', 'copied']);
  });

  it('images are copied, and an error of the whole run is thrown when they are complete', async () => {
    const expired = new BootstrapError({ code: 'credentials-expired', what: 'w', why: 'y', hint: 'h' });
    const prepare: EngineOptions['prepare'] = ([image]) =>
      image?.repository === 'p/second' ? Promise.reject(expired) : Promise.resolve(new Map());
    await expect(copy(twoImages(), { prepare })).rejects.toBe(expired);
    expect(world.target.repositories.get('p/first')?.manifests.has('1')).toBe(true);
  });

  it('the run can be aborted', async () => {
    const aborting = new AbortController();
    const images = twoImages();
    world.target.misbehavior = ({ kind }) => {
      if (kind === 'PUT uploads') aborting.abort(new Error('enough'));
      return undefined;
    };
    await expect(copy(images, { signal: aborting.signal })).rejects.toThrow('enough');
    expect(world.target.counts()['PUT manifests']).toBeUndefined();
  });
});

it('a copy reports the number of manifests that it puts when all images are looked up', async () => {
  const children = [first, makeImage({ ...amd64, architecture: 'arm64' }, ['third'])];
  world.source.put('index', '1', children, makeIndex(children));
  put(world.source, 'first', first);
  put(world.source, 'current', second);
  slow.hold = () => Promise.resolve();
  const counts: number[] = [];
  const lookedUp = (manifests: number) => void counts.push(manifests);
  await copy([wanted(world.source, 'current', 'p/current')], { lookedUp });
  // Two tags of one index share its images.
  await copy(
    [
      ...['1', '2'].map((tag) => wanted(world.source, 'index', 'p/index', tag)),
      wanted(world.source, 'first', 'p/first'),
      wanted(world.source, 'current', 'p/current'),
      wanted(world.source, 'absent', 'p/absent'),
    ],
    { lookedUp },
  );
  expect(counts).toEqual([1, 5]);
});
