import { setMaxListeners } from 'node:events';
import { BootstrapError } from '../core/errors.ts';
import type { ErrorCode } from '../core/error-codes.ts';
import type { WantedImage } from '../images/wanted.ts';
import { isElsewhere } from './auto.ts';
import type { Engine } from './engine.ts';
import type { MirrorOptions } from './engine.ts';

/** A plan does not wait longer for sources. Milliseconds. */
const maxWaitMs = 10_000;

/** Clear answers; all else may pass until the copy. */
const clear = new Set<ErrorCode>(['image-missing', 'registry-denied', 'address-refused']);

/** See `Mirror.unavailable`. @param docker loads the Docker engine, which may have what no registry has */
export async function unavailableOf(
  images: readonly WantedImage[],
  { engine, signal }: Pick<MirrorOptions, 'engine' | 'signal'>,
  registry: Engine,
  docker: () => Promise<Engine>,
): Promise<ReadonlyMap<WantedImage, BootstrapError>> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
  setMaxListeners(0, bounded);
  // The Docker engine is asked through its API, which cannot be canceled.
  const late = new Promise<never>((_, reject) => {
    bounded.addEventListener('abort', () => reject(bounded.reason as Error), { once: true });
  });
  late.catch(() => undefined);
  const ask = async (chosen: Engine, image: WantedImage): Promise<BootstrapError | undefined> => {
    try {
      await Promise.race([chosen.find(image, bounded), late]);
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
      if (engine !== 'auto' || !isElsewhere(error)) return [image, error] as const;
      const local = await ask(await docker(), image);
      return [image, local && error] as const;
    }),
  );
  return new Map(
    found.flatMap(([image, error]) => (error && clear.has(error.code) ? [[image, error] as const] : [])),
  );
}
