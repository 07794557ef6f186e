import { RegistryCopy, type RegistryEngineParts } from './copy.ts';
import { setMaxListeners } from 'node:events';
import { stopwatch } from '../../core/clock.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { parseReference } from '../../images/reference.ts';
import { ecrReference } from '../../images/naming.ts';
import { reportDone } from '../engine.ts';
import type { Engine, EngineOptions } from '../engine.ts';
import type { MirrorResult } from '../engine.ts';
import { resolve, sourceDigest } from './resolve.ts';
import { failureOf, type PlannedCopy, resultOf, TransferStats } from './result.ts';
import { setFlagsFromString } from 'node:v8';

/** Copies from registry to registry: digests kept, several platforms, nothing on the local disk. */
export function createRegistryEngine(parts: RegistryEngineParts): Engine {
  return {
    name: 'registry',
    plan: async (images, options) => {
      const looked = await lookUp(images, options, parts, () => true);
      return looked.map(outcomeOf);
    },
    find: async (image, signal) => {
      const { host, path } = parseReference(image.source);
      await sourceDigest(image, { registry: parts.sourceOf(host), repository: path }, { signal });
    },
    copy: async (images, options) => {
      freeBuffersSoon();
      const looked = await lookUp(images, options, parts, (state) => !state.startsWith('would-'));
      const results = await new RegistryCopy(parts, options, await parts.mounting()).run(looked);
      const arrived = results.filter(({ state }) => state !== 'failed');
      await parts.history.add(arrived.map(({ target }) => `present ${target}` as const));
      return results;
    },
  };
}

/** The hosts' limiters keep this within bounds. @param isEnd whether an image in that state has come to its end */
async function lookUp(
  images: readonly WantedImage[],
  options: EngineOptions,
  parts: RegistryEngineParts,
  isEnd: (state: MirrorResult['state']) => boolean,
): Promise<PlannedCopy[]> {
  const { signal, emit } = options;
  // Every request listens to it, and Node would warn of a leak.
  setMaxListeners(0, signal);
  let done = 0;
  return Promise.all(
    images.map(async (image) => {
      const looked = await lookUpOne(image, options, parts);
      const progress = { id: 'references', label: 'images looked up', total: images.length } as const;
      emit({ type: 'progress', progress: { ...progress, done: (done += 1), unit: 'items' } });
      const outcome = outcomeOf(looked);
      if (isEnd(outcome.state)) reportDone(emit, outcome);
      return looked;
    }),
  );
}

async function lookUpOne(
  image: WantedImage,
  { platforms, noClobber = false, signal }: EngineOptions,
  parts: RegistryEngineParts,
): Promise<PlannedCopy> {
  const account = new TransferStats(stopwatch(parts.clock));
  try {
    const call = { signal, tally: account };
    return { resolution: await resolve(image, { ...parts, platforms, noClobber }, call), account };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return {
      image,
      target: ecrReference(parts.target.name, image),
      engine: 'registry',
      state: 'failed',
      platforms: [],
      ...account.figures(),
      error: failureOf(error, `mirror ${image.source}`),
    };
  }
}

const outcomeOf = (looked: PlannedCopy): MirrorResult =>
  'resolution' in looked ? resultOf(looked.resolution, looked.account) : looked;

/**
 * Keeps the part of the heap where objects begin at the size that it has now. Bytes on their way through are garbage at
 * once, and V8 frees their memory only when that part is full: grown, it holds some 40 MB of them at 32 transfers,
 * small about half (`npm run test:bounds` measures it). It costs no processor time that could be told from noise. V8 reads
 * this flag whenever it would grow that part.
 */
function freeBuffersSoon(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
