import { BootstrapError } from '../core/errors.ts';
import type { Registry } from '../clients/registry/client.ts';
import type { Digest } from '../clients/registry/digest.ts';
import type { EngineOptions, MirrorResult } from './engine.ts';

/**
 * A second tag of an image in ECR. It records that the source did not have the image for that platform when it
 * was copied, so `up` and `status` need not query the source again. It is valid for its digest only, so it is
 * never moved, and deleted with the image only.
 */
export const platformMark = (digest: Digest, platform: string): string =>
  `source-has-no-${platform.replaceAll('/', '-')}-${digest.slice(digest.indexOf(':') + 1).slice(0, 12)}`;

/** Whether a tag records the lack of a platform. It is no name of the image. */
export const isPlatformMark = (tag: string): boolean => /^source-has-no-.+-[0-9a-f]{12}$/.test(tag);

/** Marks images that lack platforms of nodes. A mark that fails only costs a look-up in the next run. */
export async function markPlatforms(
  results: readonly MirrorResult[],
  target: Registry,
  { signal, emit }: EngineOptions,
): Promise<void> {
  await Promise.all(
    results.flatMap(({ image, targetDigest, missingPlatforms = [] }) =>
      missingPlatforms.map(async (platform) => {
        if (targetDigest === undefined) return;
        try {
          const mark = platformMark(targetDigest, platform);
          if ((await target.headManifest(image.repository, mark, { signal })) === targetDigest) return;
          const manifest = await target.getManifest(image.repository, targetDigest, { signal });
          if (manifest) await target.putManifest(image.repository, mark, manifest, { signal });
        } catch (error) {
          if (!(error instanceof BootstrapError)) throw error;
          emit({
            type: 'detail',
            text: `could not record that ${image.source} is not available for ${platform}: ${error.message}`,
          });
        }
      }),
    ),
  );
}
