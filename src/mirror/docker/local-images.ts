import type { BootstrapError } from '../../core/errors.ts';
import type { LocalImage } from '../../clients/docker/port.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { type Credential, HelperError } from '../../clients/registry/credentials.ts';
import { type TargetImage, isSame } from './target-image.ts';

/**
 * Whether the local engine's image may be taken when the source's registry gave this error. Registries refuse what they do
 * not have like what is private, so images that were only built here are refused too. The user may name any local image;
 * a tenant of the cluster must not get a private one, so there a refusal only counts as absence where Docker Hub was asked
 * without a login.
 * @param credential what the registry was asked with
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
 * Whether a local image would overwrite what the ECR has, while the source, which may have given it that, was not asked:
 * the local one may be older. What the source says that it does not have can only be made here.
 */
export const wouldOverwrite = (
  { code }: BootstrapError,
  local: LocalImage,
  held: TargetImage | undefined,
): boolean => code !== 'image-missing' && held !== undefined && !isSame(held, local);
