import type { ECR } from '@aws-sdk/client-ecr';
import { isDigest } from '../registry/digest.ts';
import { undefinedIfAbsent } from './errors.ts';
import { allPages } from './session.ts';
import type { ActiveImage, StoredManifest, StoredManifests } from './port.ts';

/** Maximum number of image IDs in one BatchGetImage call. */
const batchSize = 100;

/** Without this list, ECR may convert a manifest to an older format, which has another digest. */
const mediaTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

type Read = <T>(action: string, what: string, send: (ecr: ECR) => Promise<T>) => Promise<T>;

/**
 * Reads manifests by tag or digest. Omits a missing manifest, also when its repository is missing. Reports a
 * manifest that ECR has and does not return.
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
      undefinedIfAbsent(
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

/** Maximum page size of ListImages. */
const pageSize = 1000;

/** ECR leaves out archived images, which cannot be pulled. */
export async function readActiveImages(read: Read, repository: string): Promise<ActiveImage[]> {
  const listed = await undefinedIfAbsent(
    ['RepositoryNotFound'],
    read('ListImages', `list the images of repository ${repository}`, (ecr) =>
      allPages(async (nextToken) => {
        const page = await ecr.listImages({
          repositoryName: repository,
          maxResults: pageSize,
          ...(nextToken ? { nextToken } : {}),
        });
        return { items: page.imageIds, next: page.nextToken };
      }),
    ),
  );
  return (listed ?? []).flatMap(({ imageDigest, imageTag }): ActiveImage[] =>
    isDigest(imageDigest) ? [{ digest: imageDigest, ...(imageTag ? { tag: imageTag } : {}) }] : [],
  );
}

function toImageId(reference: string): { imageDigest: string } | { imageTag: string } {
  return isDigest(reference) ? { imageDigest: reference } : { imageTag: reference };
}
