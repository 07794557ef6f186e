import { randomBytes } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeImage, type TestImage } from '../../support/images.ts';
import type { EngineOptions } from '../../../src/mirror/engine.ts';
import { missingContent, withLayer } from '../../support/fault-world.ts';
import { EngineWorld } from '../../support/registry-engine.ts';
import type { Misbehavior, RecordedRequest } from '../../support/oci-server.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
/** A layer for each way to read: at once, ahead, and while it is sent. */
const base = [randomBytes(1000), randomBytes(400_000), randomBytes(1_500_000)];
/** Layers that share the slot of large ones. */
const many = [1_500_000, 1_500_000, 1_500_000].map((size) => randomBytes(size));
const [, , largest] = makeImage(amd64, base).layers;
const names = Array.from({ length: 10 }, (_, number) => `app-${number}`);

let world: EngineWorld;
let images: TestImage[];
beforeAll(() => {
  images = names.map((name) => makeImage(amd64, [...base, name]));
});
beforeEach(async () => {
  world = await EngineWorld.start();
  for (const [index, name] of names.entries()) world.source.put(name, '1', [images[index]!]);
});
afterEach(() => world.close());

const refusesMounts = ({ kind, repository }: RecordedRequest): Misbehavior | undefined =>
  kind === 'POST uploads'
    ? { status: 202, headers: { location: `/v2/${repository}/blobs/uploads/1` } }
    : undefined;

const sizes = () =>
  new Map(
    images.flatMap(({ layers, config }) =>
      [...layers, config].map((blob) => [blob.digest, blob.bytes.length]),
    ),
  );

/** Bytes that the source was asked for. */
const bytesRead = () => {
  const asked = world.source.requests.filter(({ kind }) => kind === 'GET blobs');
  const known: ReadonlyMap<string, number> = sizes();
  return asked.reduce((sum, { reference }) => sum + (known.get(reference) ?? 0), 0);
};
const uniqueBytes = () => [...sizes().values()].reduce((sum, size) => sum + size, 0);

async function statesOf(
  work: Promise<readonly { readonly state: string }[]>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of await work) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

describe('ten repositories that share layers', () => {
  it('read each layer from the source once when the account does not allow mounts', async () => {
    world.mounting = false;
    world.target.misbehavior = refusesMounts;
    expect(await statesOf(world.copy(names))).toEqual({ copied: 10 });
    expect(bytesRead()).toBe(uniqueBytes());
    expect(missingContent(world.target)).toEqual([]);
  });

  it('read each layer from the source once when mounts are refused and the setting is unknown', async () => {
    world.mounting = undefined;
    world.target.misbehavior = refusesMounts;
    expect(await statesOf(world.copy(names))).toEqual({ copied: 10 });
    expect(bytesRead()).toBe(uniqueBytes());
    expect(missingContent(world.target)).toEqual([]);
  });

  it('read no layer more than twice when single repositories refuse mounts, in spite of the setting', async () => {
    world.mounting = true;
    world.target.misbehavior = refusesMounts;
    expect(await statesOf(world.copy(names))).toEqual({ copied: 10 });
    expect(bytesRead()).toBeLessThanOrEqual(2 * uniqueBytes());
    expect(missingContent(world.target)).toEqual([]);
  });

  it('send each layer to the target once when mounts are allowed', async () => {
    for (const mounting of [true, undefined]) {
      world.mounting = mounting;
      expect(await statesOf(world.copy(names))).toEqual({ copied: 10 });
      expect(world.target.counts()['PUT uploads']).toBe(sizes().size);
      expect(bytesRead()).toBe(uniqueBytes());
      world.target.repositories.clear();
      world.target.requests.splice(0);
      world.source.requests.splice(0);
    }
  });

  it('are copied without a temporary file where none can be created', async () => {
    world.mounting = false;
    world.folder = '/dev/null/folder';
    world.target.misbehavior = refusesMounts;
    expect(await statesOf(world.copy(names))).toEqual({ copied: 10 });
  });
});

it('brings the layers that others mount first, before larger ones', async () => {
  const own = names.slice(0, 4).map((name) => makeImage(amd64, [...many, randomBytes(3_000_000), name]));
  for (const [index, name] of names.slice(0, 4).entries()) world.source.put(name, '1', [own[index]!]);
  expect(await statesOf(world.copy(names.slice(0, 4), { concurrency: 1 }))).toEqual({ copied: 4 });
  const lengths = world.target.requests
    .filter(({ kind }) => kind === 'PUT uploads')
    .map(({ headers }) => Math.floor(Number(headers['content-length']) / 1e6));
  expect(lengths.filter((size) => size > 0)).toEqual([1, 3, 1, 1, 3, 3, 3]);
});

describe('a large layer that two repositories share', () => {
  const [large] = makeImage(amd64, [randomBytes(11_000_000)]).layers;

  async function notesOf(mounting: boolean | undefined): Promise<string[]> {
    const pair = ['one', 'two'].map((name) => withLayer(makeImage(amd64, [name]), large!));
    for (const [index, name] of ['one', 'two'].entries()) world.source.put(name, '1', [pair[index]!]);
    world.mounting = mounting;
    const notes: string[] = [];
    const emit: EngineOptions['emit'] = (event) => {
      if (event.type === 'note') notes.push(event.text);
    };
    expect(await statesOf(world.copy(['one', 'two'], { emit }))).toEqual({ copied: 2 });
    return notes;
  }

  const note = expect.stringMatching(
    /^11 MB were uploaded again .* aws\.blobMounting turns that on$/,
  ) as string;

  it('is mentioned once with what mounts would have saved when the account does not allow them', async () => {
    expect(await notesOf(false)).toEqual([note]);
  });

  it('is mentioned too when the setting is unknown, and ECR refuses to mount', async () => {
    world.target.misbehavior = refusesMounts;
    expect(await notesOf(undefined)).toEqual([note]);
  });

  it('is not mentioned when the account allows mounts', async () => {
    expect(await notesOf(true)).toEqual([]);
  });
});

describe('a shared download', () => {
  beforeEach(() => {
    world.mounting = false;
  });

  const targetFails = (decide: (request: RecordedRequest) => Misbehavior | undefined) => {
    world.target.misbehavior = (request) => refusesMounts(request) ?? decide(request);
  };
  const isLargest = ({ kind, headers }: RecordedRequest) =>
    kind === 'PUT uploads' && Number(headers['content-length']) === largest?.bytes.length;

  it('feeds the other uploads when one of them fails', async () => {
    targetFails((request) =>
      isLargest(request) && request.repository === 'p/app-0' ? { cutAfter: 100_000 } : undefined,
    );
    expect(await statesOf(world.copy(names))).toEqual({ copied: 9, failed: 1 });
    expect(missingContent(world.target)).toEqual([]);
    expect(bytesRead()).toBe(uniqueBytes());
  });

  it('feeds the repetition of an upload that failed once', async () => {
    const failed = new Set<string>();
    targetFails((request) => {
      if (!isLargest(request) || failed.has(request.repository)) return undefined;
      failed.add(request.repository);
      return { cutAfter: 100_000 };
    });
    expect(await statesOf(world.copy(names))).toEqual({ copied: 10 });
    expect(failed.size).toBe(10);
    expect(bytesRead()).toBe(uniqueBytes());
  });

  /** The source responds like this to the repository that asks for the largest layer first. */
  const firstDownloadFails = (misbehavior: Misbehavior) => {
    let first: string | undefined;
    world.source.misbehavior = ({ kind, repository, reference }) => {
      if (kind !== 'GET blobs' || reference !== largest?.digest) return undefined;
      return repository === (first ??= repository) ? misbehavior : undefined;
    };
  };

  it.each([
    ['that is refused', { status: 403, body: '{}' }, 'registry-denied'],
    ['with a wrong digest', { instead: randomBytes(largest!.bytes.length) }, 'image-corrupt'],
  ])(
    '%s fails only its own image, and each other image is read from its own source',
    async (_, fault, code) => {
      firstDownloadFails(fault);
      const results = await world.copy(names);
      expect(results.flatMap(({ error }) => error?.code ?? [])).toEqual([code]);
      expect(missingContent(world.target)).toEqual([]);
    },
  );

  it('ends when the run is aborted', async () => {
    const aborting = new AbortController();
    world.source.misbehavior = ({ kind, reference }) =>
      kind === 'GET blobs' && reference === largest?.digest
        ? {
            answer: (response) => {
              response.writeHead(200, { 'content-length': largest.bytes.length });
              response.write(largest.bytes.subarray(0, 1000), () => aborting.abort(new Error('enough')));
            },
          }
        : undefined;
    await expect(world.copy(names, { signal: aborting.signal })).rejects.toThrow('enough');
  });
});
