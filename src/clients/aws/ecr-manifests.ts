import type { ECR } from '@aws-sdk/client-ecr';
import { isDigest } from '../registry/digest.ts';
import { unlessAbsent } from './errors.ts';
import type { StoredManifest, StoredManifests } from './port.ts';

/** The most image ids that BatchGetImage takes. */
const batchSize = 100;

/** Without this list ECR may convert what it holds to an older form, with another digest. */
const mediaTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

type Read = <T>(action: string, what: string, send: (ecr: ECR) => Promise<T>) => Promise<T>;

/**
 * Reads manifests by tag or digest. A missing manifest, or one in a missing repository, is left out; one that ECR has and does
 * not return is reported as such.
 */
export async function readManifests(
  read: Read,
  repository: string,
  references: readonly string[],
): Promise<StoredManifests> {
  const batches = Array.from({ length: Math.ceil(references.length / batchSize) }, (_, index) =>
    references.slice(index * batchSize, (index + 1) * batchSize),
  );
  const answers = await Promise.all(
    batches.map((batch) =>
      unlessAbsent(
        ['RepositoryNotFound'],
        read('BatchGetImage', `read manifests of repository ${repository}`, (ecr) =>
          ecr.batchGetImage({
            repositoryName: repository,
            imageIds: batch.map(toImageId),
            acceptedMediaTypes: mediaTypes,
          }),
        ),
      ),
    ),
  );
  const found = answers
    .flatMap((answer) => answer?.images ?? [])
    .flatMap(({ imageId, imageManifest, imageManifestMediaType }): StoredManifest[] => {
      const digest = imageId?.imageDigest;
      if (!isDigest(digest)) return [];
      return [
        {
          repository,
          digest,
          mediaType: imageManifestMediaType ?? '',
          manifest: imageManifest ?? '',
          ...(imageId?.imageTag ? { tag: imageId.imageTag } : {}),
        },
      ];
    });
  const unreadable = answers
    .flatMap((answer) => answer?.failures ?? [])
    .filter(({ failureCode }) => failureCode !== 'ImageNotFound')
    .map(({ imageId, failureCode = '', failureReason = '' }) => ({
      reference: imageId?.imageTag ?? imageId?.imageDigest ?? '',
      code: failureCode,
      reason: failureReason,
    }));
  return { found, unreadable };
}

function toImageId(reference: string): { imageDigest: string } | { imageTag: string } {
  return isDigest(reference) ? { imageDigest: reference } : { imageTag: reference };
}
