import { BootstrapError } from '../../core/errors.ts';
import type { WantedImage } from '../../images/port.ts';
import { parseReference } from '../../images/reference.ts';

/**
 * A runtime pulls a pinned image by its digest, with or without a tag beside it.
 * @throws BootstrapError `image-unsupported`
 */
export function refusePinned({ source }: WantedImage): void {
  if (parseReference(source).digest === undefined) return;
  throw new BootstrapError({
    code: 'image-unsupported',
    what: `mirror ${source} with the docker engine`,
    why: 'a push by that engine can change the digest, and this image is wanted by its digest',
    hint: 'Use --engine registry, or name the image by a tag alone.',
  });
}
