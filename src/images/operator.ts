import { formatReference, type Reference, repositoryOf } from './reference.ts';

const operatorRepository = 'ghcr.io/external-secrets/external-secrets';

/** The image of External Secrets Operator that ecr-bootstrap installs. */
export const operatorImage = `${operatorRepository}:v0.12.1`;

/** Name of the operator's repository inside the project. */
export const operatorName = 'external-secrets';

/** Releases of the operator also use a host that was retired. It had the same content. */
const retired = 'oci.external-secrets.io/external-secrets/external-secrets';

/** All names of the operator's repository, starting with the one that still exists. */
export const operatorRepositories: readonly string[] = [operatorRepository, retired];

/** The same image at the host that still exists. */
export function canonical(reference: Reference): Reference {
  return repositoryOf(reference) === retired
    ? { ...reference, host: 'ghcr.io', path: 'external-secrets/external-secrets' }
    : reference;
}

/** Whether this is the operator's image, in any version. */
export const isOperator = (reference: Reference): boolean => repositoryOf(reference) === operatorRepository;

/** Whether this is the operator's image in the version that ecr-bootstrap installs. */
export const isInstalledOperator = (reference: Reference): boolean =>
  formatReference(reference) === operatorImage;
