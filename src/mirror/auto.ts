import { BootstrapError } from '../errors/index.ts';
import type { WantedImage } from '../images/port.ts';
import type { Engine, EngineOptions } from './engine.ts';
import type { MirrorResult } from './port.ts';

/** Not found or not reachable at its registry. A refused login is no reason: whoever may not pull, may not mirror. */
const elsewhere = new Set(['image-missing', 'registry-unreachable']);

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
  const results = await act(registry, images, options);
  const left = results.filter(({ error }) => error && elsewhere.has(error.code)).map(({ image }) => image);
  if (left.length === 0) return results;
  const found = await tryDocker(docker, act, left, options);
  return results.map((result) => found.get(result.image) ?? result);
}

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
        text: `${image.source} is not to be had at its registry; the Docker engine has it`,
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
