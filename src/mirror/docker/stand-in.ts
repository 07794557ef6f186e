import type { BootstrapError } from '../../errors/index.ts';
import type { LocalImage } from '../../docker/port.ts';
import type { Credential } from '../../registry/credentials.ts';
import { type Held, isSame } from './held.ts';

/**
 * Whether the local engine's image may be taken when the source's registry gave this error. Not after a refused login:
 * whoever may not pull, may not mirror. But Docker Hub refuses so too, from those who are not logged in, what it does
 * not have at all: images built here under its short names.
 * @param credential what the registry was asked with
 */
export const mayStandIn = (
  { code }: BootstrapError,
  reference: string,
  credential: Credential | undefined,
): boolean => code !== 'registry-denied' || (credential === undefined && reference.startsWith('docker.io/'));

/**
 * Whether a local image would overwrite what the ECR has, while the source, which may have given it that, was not asked:
 * the local one may be older. What the source says that it does not have can only be made here.
 */
export const wouldOverwrite = (
  { code }: BootstrapError,
  local: LocalImage,
  held: Held | undefined,
): boolean => code !== 'image-missing' && held !== undefined && !isSame(held, local);
