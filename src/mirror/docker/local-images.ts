import type { BootstrapError } from '../../core/errors.ts';
import type { LocalImage } from '../../clients/docker/port.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { type Credential, HelperError } from '../../clients/registry/credentials.ts';
import { type TargetImage, isSame } from './target-image.ts';

/**
 * Whether the local image may be used after this error of the source's registry. Registries reject images that they do not
 * have like private ones, so they also reject images that were only built on this computer. The user may request any local
 * image. A tenant of the cluster must not get a private one: there a rejection means absence only if Docker Hub was asked
 * without a login.
 * @param credential with which the registry was asked
 */
export const mayUseLocal = (
  error: BootstrapError,
  { byHand, wantedBy }: Pick<WantedImage, 'byHand' | 'wantedBy'>,
  reference: string,
  credential: Credential | undefined,
): boolean =>
  error.code !== 'registry-denied' ||
  byHand === true ||
  wantedBy.includes('config') ||
  (credential === undefined && !(error instanceof HelperError) && reference.startsWith('docker.io/'));

/**
 * Whether a local image would overwrite the image in ECR although the source did not answer: the local one may be older
 * than the one in ECR. An image that the source does not have can only come from this computer.
 */
export const wouldOverwrite = (
  { code }: BootstrapError,
  local: LocalImage,
  existing: TargetImage | undefined,
): boolean => code !== 'image-missing' && existing !== undefined && !isSame(existing, local);
