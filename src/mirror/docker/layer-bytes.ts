import type { LayerResult } from '../../clients/docker/port.ts';

/** Compressed bytes of layers, by what the push did with them. */
export interface LayerBytes {
  readonly bytesSent: number;
  readonly bytesMounted: number;
  readonly bytesSkipped: number;
}

/** The engine reports layers by this many digits of their digest. */
const shortLength = 12;

const short = (digest = ''): string => digest.slice(digest.indexOf(':') + 1).slice(0, shortLength);

/**
 * Adds up the layers of a pushed manifest.
 * @param layers of the manifest, base first
 * @param uncompressed digests of the same layers in the engine's store, by which a push reports them
 */
export function layerBytes(
  layers: readonly { readonly digest: string; readonly size: number }[],
  uncompressed: readonly string[],
  fates: ReadonlyMap<string, LayerResult>,
): LayerBytes {
  const bytes: Record<LayerResult, number> = { sent: 0, mounted: 0, existed: 0 };
  for (const [index, { digest, size }] of layers.entries()) {
    const fate = fates.get(short(uncompressed[index])) ?? fates.get(short(digest)) ?? 'existed';
    bytes[fate] += size;
  }
  return { bytesSent: bytes.sent, bytesMounted: bytes.mounted, bytesSkipped: bytes.existed };
}
