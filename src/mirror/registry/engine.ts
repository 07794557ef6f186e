import { RegistryCopy, type RegistryEngineServices } from './copy.ts';
import { stopwatch } from '../../core/clock.ts';
import { originOf, type WantedImage } from '../../images/wanted.ts';
import { parseReference } from '../../images/reference.ts';
import { ecrReference } from '../../images/naming.ts';
import { type Engine, type EngineOptions, type MirrorResult, reportDone } from '../engine.ts';
import { resolve, sourceDigest } from './resolve.ts';
import { failureOf, type PlannedCopy, resultOf, TransferStats } from './result.ts';

/** Copies from registry to registry: digests kept, several platforms. */
export function createRegistryEngine(services: RegistryEngineServices): Engine {
  return {
    name: 'registry',
    plan: async (images, options) => {
      const planned = await lookUp(images, options, services, () => true);
      return planned.map(outcomeOf);
    },
    find: async (image, signal) => {
      const { host, path } = parseReference(originOf(image));
      await sourceDigest(image, { registry: services.sourceOf(host), repository: path }, { signal });
    },
    copy: async (images, options) => {
      const planned = await lookUp(images, options, services, (state) => !state.startsWith('would-'));
      const results = await new RegistryCopy(services, options, await services.mounting()).run(planned);
      const arrived = results.filter(({ state }) => state !== 'failed');
      await services.history.add(arrived.map(({ target }) => `present ${target}` as const));
      return results;
    },
  };
}

/** The limiters of the hosts bound the requests. @param isDone whether nothing remains to do for an image in that state */
async function lookUp(
  images: readonly WantedImage[],
  options: EngineOptions,
  services: RegistryEngineServices,
  isDone: (state: MirrorResult['state']) => boolean,
): Promise<PlannedCopy[]> {
  const { emit } = options;
  let done = 0;
  return Promise.all(
    images.map(async (image) => {
      const planned = await lookUpOne(image, options, services);
      const progress = { id: 'references', label: 'images looked up', total: images.length } as const;
      emit({ type: 'progress', progress: { ...progress, done: (done += 1), unit: 'items' } });
      const outcome = outcomeOf(planned);
      if (isDone(outcome.state)) reportDone(emit, outcome);
      return planned;
    }),
  );
}

async function lookUpOne(
  image: WantedImage,
  { platforms, noClobber = false, signal }: EngineOptions,
  services: RegistryEngineServices,
): Promise<PlannedCopy> {
  const stats = new TransferStats(stopwatch(services.clock));
  try {
    const call = { signal, tally: stats };
    return { resolution: await resolve(image, { ...services, platforms, noClobber }, call), stats };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return {
      image,
      target: ecrReference(services.target.name, image),
      engine: 'registry',
      state: 'failed',
      platforms: [],
      ...stats.figures(),
      error: failureOf(error, `could not mirror ${image.source}`),
    };
  }
}

const outcomeOf = (planned: PlannedCopy): MirrorResult =>
  'resolution' in planned ? resultOf(planned.resolution, planned.stats) : planned;
