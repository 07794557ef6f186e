import { onAbort } from '../core/abort.ts';
import { BootstrapError } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import type { WantedImage } from '../images/wanted.ts';
import { isUnprovided } from './auto.ts';
import type { Engine, MirrorOptions } from './engine.ts';

/** How long a plan waits for the sources. */
const maxWaitMs = 10_000;

/** Answers that will not change before the copy. */
const definite = new Set<ErrorCode>(['image-missing', 'registry-denied', 'address-not-allowed']);

/** See `Mirror.unavailable`. @param docker loads the Docker engine, which may have images that no registry has */
export async function unavailableOf(
  images: readonly WantedImage[],
  { engine, signal }: Pick<MirrorOptions, 'engine' | 'signal'>,
  registry: Engine,
  docker: () => Promise<Engine>,
): Promise<ReadonlyMap<WantedImage, BootstrapError>> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
  // A call of the Docker API cannot be canceled.
  const timedOut = new Promise<never>((_, reject) => {
    onAbort(bounded, () => reject(bounded.reason as Error));
  });
  timedOut.catch(() => undefined);
  const ask = async (chosen: Engine, image: WantedImage): Promise<BootstrapError | undefined> => {
    try {
      await Promise.race([chosen.find(image, bounded), timedOut]);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (bounded.aborted) return undefined;
      if (error instanceof BootstrapError) return error;
      throw error;
    }
  };
  const found = await Promise.all(
    images.map(async (image) => {
      const error = await ask(engine === 'docker' ? await docker() : registry, image);
      if (engine !== 'auto' || !isUnprovided(error)) return [image, error] as const;
      const local = await ask(await docker(), image);
      return [image, local && error] as const;
    }),
  );
  return new Map(
    found.flatMap(([image, error]) => (error && definite.has(error.code) ? [[image, error] as const] : [])),
  );
}
