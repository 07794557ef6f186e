import { formatReference, type Reference, repositoryOf } from './reference.ts';

export const operatorRepository = 'ghcr.io/external-secrets/external-secrets';

/** External Secrets Operator as this program installs it. */
export const operatorImage = `${operatorRepository}:v0.12.1`;

/** Name of the operator's repository inside the project. */
export const operatorName = 'external-secrets';

/** The operator's releases also name its image on a host that was retired; its content was the same. */
const retired = 'oci.external-secrets.io/external-secrets/external-secrets';

/** The reference that names the same image at a host that still answers. */
export function canonical(reference: Reference): Reference {
  return repositoryOf(reference) === retired
    ? { ...reference, host: 'ghcr.io', path: 'external-secrets/external-secrets' }
    : reference;
}

/** Whether this is the operator's image, of whatever version. */
export const isOperator = (reference: Reference): boolean => repositoryOf(reference) === operatorRepository;

/** Whether this is the very image of the operator that is installed. */
export const isInstalledOperator = (reference: Reference): boolean =>
  formatReference(reference) === operatorImage;
