import { BootstrapError } from '../core/errors.ts';
import type { Registry } from '../clients/registry/client.ts';
import type { Digest } from '../clients/registry/digest.ts';
import type { EngineOptions } from './engine.ts';
import type { MirrorResult } from './engine.ts';

/**
 * A second tag of an image in the ECR: it says that the source had none for that platform when the image was copied.
 * With it, `up` and `status` know from the ECR alone that there is nothing to add. It counts for its digest only, so it
 * never has to be moved or deleted.
 */
export const platformMark = (digest: Digest, platform: string): string =>
  `source-has-no-${platform.replaceAll('/', '-')}-${digest.slice(digest.indexOf(':') + 1).slice(0, 12)}`;

/** Marks what was copied, or is there, without some of the nodes' platforms. A mark that fails costs a look-up next time. */
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
            text: `${image.source} was not marked as missing ${platform}: ${error.message}`,
          });
        }
      }),
    ),
  );
}
