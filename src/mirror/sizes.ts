import { BootstrapError } from '../core/errors.ts';
import { CorruptContent, type Digest } from '../clients/registry/digest.ts';
import type { WantedImage } from '../images/wanted.ts';
import type { EngineOptions } from './engine.ts';
import type { RegistryEngine } from './registry/engine.ts';

/** How long a plan waits for the sizes. */
const maxWaitMs = 10_000;

/** See `Mirror.sizes`. */
export async function sizesOf(
  images: readonly WantedImage[],
  { platforms, signal }: Pick<EngineOptions, 'platforms' | 'signal'>,
  registry: RegistryEngine,
): Promise<ReadonlyMap<WantedImage, number>> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(maxWaitMs)]);
  const found = await Promise.all(
    images.map(async (image) => {
      try {
        return { image, blobs: await registry.blobs(image, { platforms, signal: bounded }) };
      } catch (error) {
        signal.throwIfAborted();
        const isOfSource = error instanceof BootstrapError || error instanceof CorruptContent;
        if (!isOfSource && !bounded.aborted) throw error;
        return { image };
      }
    }),
  );
  const counted = new Set<Digest>();
  const sizes = new Map<WantedImage, number>();
  for (const { image, blobs } of found) {
    if (!blobs) continue;
    const fresh = blobs.filter(({ digest }) => !counted.has(digest));
    for (const { digest } of fresh) counted.add(digest);
    sizes.set(
      image,
      fresh.reduce((sum, { size }) => sum + size, 0),
    );
  }
  return sizes;
}
