import { parseIfValid, type Reference, formatReference } from '../images/reference.ts';
import { ecrName, type Naming, sourceOf } from '../images/naming.ts';
import { canonical } from '../images/operator.ts';
import { isOfRegistry } from '../images/registry-alias.ts';
import type { WantedImage } from '../images/wanted.ts';
import { isPlatform } from '../core/platform.ts';
import { BootstrapError } from '../core/errors.ts';
import type { MirrorContext } from './context.ts';
import { mirroring } from './internet.ts';

/** From where a node pulls an image. */
export type Route =
  /** The name begins with the host of the project's registry. */
  | 'ecr'
  /** Nodes pull the images of its registry from ECR under their own names. */
  | 'mirror'
  /** Another host of the same ECR registry. */
  | 'alias'
  /** The ECR of another account or region. */
  | 'other-ecr'
  | 'internet';

/** Hosts of ECR registries: Amazon ECR User Guide, "Making requests to Amazon ECR registries". */
const ecrHost = /^\d{12}\.dkr[.-]ecr(-fips)?\./;

/**
 * @param image as the workload writes it
 * @param mirrored the registries that nodes pull from ECR
 */
export function routeOf(
  image: string,
  registryHost: string,
  mirrored: readonly string[],
  config: MirrorContext['config'],
): Route {
  if (image.startsWith(`${registryHost}/`)) return 'ecr';
  const host = parseIfValid(image)?.host ?? '';
  if (isOfRegistry({ host }, registryHost)) return 'alias';
  if (mirroring(mirrored, config)(image)) return 'mirror';
  return ecrHost.test(host) ? 'other-ecr' : 'internet';
}

/** The image of ECR that a reference stands for: the one it names, or the copy of its source. */
export function ecrImage(
  reference: Reference,
  registryHost: string,
  { project, images: { map } }: MirrorContext['config'],
): WantedImage | BootstrapError {
  const naming: Naming = { project, map };
  const { path, tag = 'latest', digest } = reference;
  try {
    const { repository } = isOfRegistry(reference, registryHost)
      ? { repository: path }
      : ecrName(reference, naming);
    return { source: formatReference(reference), repository, tag: digest ?? tag, wantedBy: [] };
  } catch (error) {
    if (error instanceof BootstrapError) return error;
    throw error;
  }
}

/** Creates the function that finds the source of an image, and returns the image itself if it has none. */
export const sourceNaming =
  (registryHost: string, { project, images: { map } }: MirrorContext['config']) =>
  (image: string): string => {
    const reference = parseIfValid(image);
    if (!reference) return image;
    const isInEcr = isOfRegistry(reference, registryHost);
    const source = isInEcr ? sourceOf(reference, { project, map }) : canonical(reference);
    return source ? formatReference(source) : image;
  };

/** What ECR has of an image that a node pulls. */
export interface StoredImage {
  readonly state:
    | 'present'
    | 'no-repository'
    | 'no-tag'
    | 'no-digest'
    | 'archived'
    | 'no-platform'
    | 'unavailable-platform';
  /** `demo/docker.io/library/nginx`. */
  readonly repository: string;
  /** The tag or digest. */
  readonly tag: string;
  /** Of the node. */
  readonly platform?: string;
  /** How to restore an archived image. */
  readonly hint?: string;
}

/**
 * Looks up an image in ECR for one platform.
 * @param platform undefined to accept any
 */
export async function storedImage(
  image: WantedImage,
  platform: string | undefined,
  { mirror, aws }: MirrorContext,
): Promise<StoredImage> {
  const { repository, tag } = image;
  const wanted = platform !== undefined && isPlatform(platform) ? [platform] : 'all';
  const [found] = await mirror.presence([image], wanted);
  const base = { repository, tag, ...(platform === undefined ? {} : { platform }) };
  if (found?.error?.code === 'image-inaccessible') {
    return { ...base, state: 'archived', hint: found.error.hint };
  }
  if (found?.error) throw found.error;
  if (found?.digest === undefined) {
    const repositories = await aws.ecr.repositories();
    if (!repositories.some(({ name }) => name === repository)) return { ...base, state: 'no-repository' };
    return { ...base, state: tag.includes(':') ? 'no-digest' : 'no-tag' };
  }
  if (found.missingPlatforms.length > 0) return { ...base, state: 'no-platform' };
  if (found.unavailablePlatforms.length > 0) return { ...base, state: 'unavailable-platform' };
  return { ...base, state: 'present' };
}
