import { setFlagsFromString } from 'node:v8';
import { RegistryCopy, type RegistryEngineServices } from './copy.ts';
import { stopwatch } from '../../core/clock.ts';
import { originOf, type WantedImage } from '../../images/wanted.ts';
import { parseReference } from '../../images/reference.ts';
import { ecrReference } from '../../images/naming.ts';
import { type Engine, type EngineOptions, type MirrorResult, reportDone } from '../engine.ts';
import type { Digest } from '../../clients/registry/digest.ts';
import type { Descriptor } from '../../clients/registry/manifest.ts';
import { copyReferrers, type ReferrerContext } from './referrers.ts';
import { blobsAtSource, resolve, sourceDigest } from './resolve.ts';
import { failureOf, manifestsOf, outcomeOf, type PlannedCopy, TransferStats } from './result.ts';

export interface RegistryEngine extends Engine {
  /** All blobs of a copy of an image that ECR does not have. The copy does not read again what this reads. */
  blobs(
    image: WantedImage,
    options: Pick<EngineOptions, 'platforms' | 'signal'>,
  ): Promise<readonly Descriptor[]>;
}

/** The services, and the digests that sources reported. */
type Services = RegistryEngineServices & { readonly found: Map<string, Digest> };

/** Copies from registry to registry: digests kept, several platforms. */
export function createRegistryEngine(opened: RegistryEngineServices): RegistryEngine {
  const services: Services = { ...opened, found: new Map() };
  const find = async (image: WantedImage, signal: AbortSignal): Promise<void> => {
    const { host, path } = parseReference(originOf(image));
    const location = { registry: services.sourceOf(host), repository: path };
    services.found.set(originOf(image), await sourceDigest(image, location, { signal }));
  };
  return {
    name: 'registry',
    plan: async (images, options) => {
      const lookups = lookUp(images, withholdDone(options), services, () => true);
      const planned = await Promise.all(lookups);
      return withReferrers(planned, planned.map(outcomeOf), { services, options, isPlan: true });
    },
    find,
    blobs: async (image, { platforms, signal }) => {
      if (!services.found.has(originOf(image))) await find(image, signal);
      return blobsAtSource(image, { ...services, platforms }, { signal });
    },
    copy: async (images, options) => {
      collectChunksEarly();
      const how = withholdDone(options);
      const lookups = lookUp(images, how, services, (state) => !state.startsWith('would-'));
      // The copy reports errors.
      void Promise.all(lookups).then(
        (all) => options.lookedUp?.(manifestsOf(all)),
        () => undefined,
      );
      const copied = await new RegistryCopy(services, how).run(lookups);
      const planned = await Promise.all(lookups);
      const results = await withReferrers(planned, copied, { services, options, isPlan: false });
      const arrived = results.filter(({ state }) => state !== 'failed');
      await services.history.add(arrived.map(({ target }) => `present ${target}` as const));
      return results;
    },
  };
}

/** With referrers, an image is finished when they are copied too. */
const withholdDone = (options: EngineOptions): EngineOptions =>
  options.referrers
    ? { ...options, emit: (event) => (event.type === 'image-done' ? undefined : options.emit(event)) }
    : options;

const withReferrers = async (
  planned: readonly PlannedCopy[],
  results: readonly MirrorResult[],
  context: ReferrerContext,
): Promise<readonly MirrorResult[]> =>
  context.options.referrers ? copyReferrers(planned, results, context) : results;

/** The limiters of the hosts bound the requests. @param isDone whether nothing remains to do for an image in that state */
function lookUp(
  images: readonly WantedImage[],
  options: EngineOptions,
  services: Services,
  isDone: (state: MirrorResult['state']) => boolean,
): Promise<PlannedCopy>[] {
  const { emit } = options;
  let done = 0;
  return images.map(async (image) => {
    const planned = await lookUpOne(image, options, services);
    const progress = { id: 'references', label: 'images looked up', total: images.length } as const;
    emit({ type: 'progress', progress: { ...progress, done: (done += 1), unit: 'items' } });
    const outcome = outcomeOf(planned);
    if (isDone(outcome.state)) reportDone(emit, outcome);
    return planned;
  });
}

async function lookUpOne(
  image: WantedImage,
  { platforms, noClobber = false, signal }: EngineOptions,
  services: Services,
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

/**
 * Stops the growth of V8's space for new objects. A chunk of a blob is freed only when the small objects that refer to
 * it are collected, and the larger this space is, the rarer that is: with the default, 32 transfers take 35 MB more.
 */
function collectChunksEarly(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
