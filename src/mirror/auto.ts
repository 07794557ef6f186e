import { BootstrapError } from '../core/errors.ts';
import type { WantedImage } from '../images/wanted.ts';
import type { Emit } from '../core/step.ts';
import { type Engine, type EngineOptions, type MirrorResult, reportDone } from './engine.ts';

/**
 * The registry does not provide the image. Docker Hub and others reject what they do not have like what is private; the
 * Docker engine then decides whether its own image may be used.
 */
const unprovided = new Set(['image-missing', 'registry-unreachable', 'registry-denied']);

type RunEngine = (
  engine: Engine,
  images: readonly WantedImage[],
  options: EngineOptions,
) => Promise<readonly MirrorResult[]>;

/**
 * Runs the registry engine, and the Docker engine for images that only it can provide: they were built on this computer,
 * or only the Docker engine's proxy reaches their registry. Emits a note for each image of the Docker engine.
 * @param docker loads the Docker engine
 */
export async function withFallback(
  registry: Engine,
  docker: () => Promise<Engine>,
  runEngine: RunEngine,
  images: readonly WantedImage[],
  options: EngineOptions,
): Promise<readonly MirrorResult[]> {
  const results = await runEngine(registry, images, {
    ...options,
    emit: withholdDone(isUnprovided, options.emit),
  });
  const remaining = results.filter(({ error }) => isUnprovided(error));
  if (remaining.length === 0) return results;
  const wanted = remaining.map(({ image }) => image);
  const found = await tryDocker(docker, runEngine, wanted, {
    ...options,
    emit: withholdDone(Boolean, options.emit),
  });
  for (const result of remaining) if (!found.has(result.image)) reportDone(options.emit, result);
  return results.map((result) => found.get(result.image) ?? result);
}

export const isUnprovided = (error?: BootstrapError): boolean =>
  error !== undefined && unprovided.has(error.code);

/** Drops `image-done` for images that the other engine still tries. */
const withholdDone =
  (isWithheld: (error?: BootstrapError) => boolean, emit: Emit): Emit =>
  (event) => {
    if (event.type !== 'image-done' || !isWithheld(event.error)) emit(event);
  };

/** The images that the Docker engine could provide. For the others the registry's error is more useful. */
async function tryDocker(
  docker: () => Promise<Engine>,
  runEngine: RunEngine,
  images: readonly WantedImage[],
  options: EngineOptions,
): Promise<ReadonlyMap<WantedImage, MirrorResult>> {
  try {
    const results = await runEngine(await docker(), images, options);
    const found = results.filter(({ state }) => state !== 'failed');
    for (const { image } of found) {
      options.emit({
        type: 'note',
        text: `${image.source} is not available from its registry; using the local Docker engine${options.referrers ? ', without referrers' : ''}`,
      });
    }
    return new Map(found.map((result) => [result.image, result]));
  } catch (error) {
    if (!(error instanceof BootstrapError) || error.code !== 'docker-unreachable') throw error;
    options.emit({
      type: 'detail',
      text: `${images.length} images are not available from their registries, and there is no Docker engine to look them up: ${error.why}`,
    });
    return new Map();
  }
}
