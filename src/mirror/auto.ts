import { BootstrapError } from '../core/errors.ts';
import type { WantedImage } from '../images/wanted.ts';
import type { Emit } from '../core/step.ts';
import { reportDone } from './engine.ts';
import type { Engine, EngineOptions } from './engine.ts';
import type { MirrorResult } from './engine.ts';

/**
 * The registry does not have the image, or cannot be reached. Docker Hub and others refuse what they do not have just like
 * what is private; the Docker engine then decides whether its own image may be used.
 */
const elsewhere = new Set(['image-missing', 'registry-unreachable', 'registry-denied']);

type Act = (
  engine: Engine,
  images: readonly WantedImage[],
  options: EngineOptions,
) => Promise<readonly MirrorResult[]>;

/**
 * The registry engine, and the Docker engine for images that only it has or can reach: built here, or behind a
 * network that the Docker engine's own proxy opens. Says so when it does that.
 * @param docker loads the Docker engine
 */
export async function withFallback(
  registry: Engine,
  docker: () => Promise<Engine>,
  act: Act,
  images: readonly WantedImage[],
  options: EngineOptions,
): Promise<readonly MirrorResult[]> {
  const results = await act(registry, images, { ...options, emit: unless(isElsewhere, options.emit) });
  const left = results.filter(({ error }) => isElsewhere(error));
  if (left.length === 0) return results;
  const wanted = left.map(({ image }) => image);
  const found = await tryDocker(docker, act, wanted, { ...options, emit: unless(Boolean, options.emit) });
  for (const result of left) if (!found.has(result.image)) reportDone(options.emit, result);
  return results.map((result) => found.get(result.image) ?? result);
}

export const isElsewhere = (error?: BootstrapError): boolean =>
  error !== undefined && elsewhere.has(error.code);

/** Keeps back the end of images that somebody else is asked for yet. */
const unless =
  (isKept: (error?: BootstrapError) => boolean, emit: Emit): Emit =>
  (event) => {
    if (event.type !== 'image-done' || !isKept(event.error)) emit(event);
  };

/** What the Docker engine could do. Where it could do nothing either, the registry's own words say more. */
async function tryDocker(
  docker: () => Promise<Engine>,
  act: Act,
  images: readonly WantedImage[],
  options: EngineOptions,
): Promise<ReadonlyMap<WantedImage, MirrorResult>> {
  try {
    const results = await act(await docker(), images, options);
    const found = results.filter(({ state }) => state !== 'failed');
    for (const { image } of found) {
      options.emit({
        type: 'note',
        text: `${image.source} comes from the Docker engine, because its registry does not provide it`,
      });
    }
    return new Map(found.map((result) => [result.image, result]));
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'docker-unreachable') throw error;
    options.emit({
      type: 'detail',
      text: `No Docker engine to look for ${images.length} more images: ${error.why}`,
    });
    return new Map();
  }
}
