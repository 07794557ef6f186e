import { AwsRefusal } from '../ports.ts';
import type { EcrRegistry, EcrRepository } from '../registry/ecr-registry.ts';
import { childrenOf, fieldsOf, type Manifest } from '../registry/storage.ts';
import { page, type PageInput } from './paging.ts';
import type { Operation } from './service.ts';

export interface RepositoryInput {
  readonly repositoryName: string;
}
interface ImageId {
  readonly imageDigest?: string;
  readonly imageTag?: string;
}
interface ImagesInput extends RepositoryInput {
  readonly imageIds: readonly ImageId[];
}
interface ListInput extends RepositoryInput, PageInput {
  readonly imageIds?: readonly ImageId[];
  readonly filter?: {
    readonly tagStatus?: 'TAGGED' | 'UNTAGGED' | 'ANY';
    readonly imageStatus?: 'ACTIVE' | 'ARCHIVED' | 'ACTIVATING' | 'ANY';
  };
}

/** The service model of botocore: ImageIdentifierList. */
const MAX_IDS = 100;

const tooManyIds = () =>
  new AwsRefusal(
    'InvalidParameterException',
    "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length less than or equal to 100'",
  );

/** The image operations of the ECR API. They read the pushed images. */
export function ecrImages(
  registry: EcrRegistry,
  find: (input: RepositoryInput) => EcrRepository,
): Record<string, Operation> {
  const { account } = registry;
  const at = ({ name }: EcrRepository) => ({ registryId: account, repositoryName: name });

  const imageOf = (repository: EcrRepository, { imageDigest, imageTag }: ImageId): Manifest | undefined => {
    const manifest = repository.manifest(imageDigest ?? imageTag ?? '');
    const tagged = imageTag === undefined || repository.tags.get(imageTag) === manifest?.digest;
    return tagged ? manifest : undefined;
  };
  const tagsOf = (repository: EcrRepository, { digest }: Manifest) =>
    [...repository.tags].filter(([, tagged]) => tagged === digest).map(([tag]) => tag);
  const statusOf = (repository: EcrRepository, { digest }: Manifest) =>
    repository.archived.has(digest) ? 'ARCHIVED' : 'ACTIVE';
  const listed = (
    repository: EcrRepository,
    { tagStatus = 'ANY', imageStatus = 'ACTIVE' }: NonNullable<ListInput['filter']>,
  ) =>
    [...repository.manifests.values()].filter(
      (manifest) =>
        (tagStatus === 'ANY' || (tagStatus === 'TAGGED') === tagsOf(repository, manifest).length > 0) &&
        (imageStatus === 'ANY' || imageStatus === statusOf(repository, manifest)),
    );
  const failure = (
    imageId: ImageId,
    failureCode = 'ImageNotFound',
    failureReason = 'Requested image not found',
  ) => ({ imageId, failureCode, failureReason });
  const inaccessible = (imageId: ImageId) => ({
    imageId,
    failureCode: 'ImageInaccessible',
    failureReason: 'The image is archived',
  });
  const missing = (repository: EcrRepository, { imageDigest, imageTag }: ImageId) => {
    const id = `{imageDigest:'${imageDigest ?? 'null'}', imageTag:'${imageTag ?? 'null'}'}`;
    const where = `within the repository with name '${repository.name}' in the registry with id '${account}'`;
    return new AwsRefusal('ImageNotFoundException', `The image with imageId ${id} does not exist ${where}`);
  };
  /** Of a manifest list, the size of its largest manifest: API reference, ImageDetail. */
  const sizeOf = (repository: EcrRepository, manifest: Manifest): number => {
    const { layers, manifests } = fieldsOf(manifest);
    const own = (layers ?? []).reduce((total, { size }) => total + size, manifest.bytes.length);
    const children = (manifests ?? []).flatMap(({ digest }) => repository.manifests.get(digest) ?? []);
    return manifests ? Math.max(0, ...children.map((child) => sizeOf(repository, child))) : own;
  };
  const referencedBy = (repository: EcrRepository, { digest }: Manifest) =>
    [...repository.manifests.values()].find((manifest) => childrenOf(manifest).includes(digest));
  const detail = (repository: EcrRepository, manifest: Manifest) => {
    const tags = tagsOf(repository, manifest);
    const { artifactType, subject } = fieldsOf(manifest);
    return {
      ...at(repository),
      imageDigest: manifest.digest,
      imageTags: tags.length > 0 ? tags : undefined,
      imageSizeInBytes: sizeOf(repository, manifest),
      imagePushedAt: new Date(manifest.pushedAt),
      imageManifestMediaType: manifest.mediaType,
      artifactMediaType: artifactType,
      imageStatus: statusOf(repository, manifest),
      subjectManifestDigest: subject?.digest,
    };
  };

  return {
    DescribeImages(input: ListInput) {
      const repository = find(input);
      const named = input.imageIds?.map((id) => {
        const manifest = imageOf(repository, id);
        if (!manifest) throw missing(repository, id);
        return manifest;
      });
      const { items, nextToken } = page(named ?? listed(repository, input.filter ?? {}), input);
      return { imageDetails: items.map((manifest) => detail(repository, manifest)), nextToken };
    },
    ListImages(input: ListInput) {
      const repository = find(input);
      const ids = listed(repository, input.filter ?? {}).flatMap((manifest): ImageId[] => {
        const tags = tagsOf(repository, manifest);
        const imageDigest = manifest.digest;
        return tags.length === 0 ? [{ imageDigest }] : tags.map((imageTag) => ({ imageDigest, imageTag }));
      });
      const { items, nextToken } = page(ids, input);
      return { imageIds: items, nextToken };
    },
    BatchGetImage(input: ImagesInput) {
      const repository = find(input);
      const found = input.imageIds.map((id) => ({ id, manifest: imageOf(repository, id) }));
      return {
        images: found.flatMap(({ id, manifest }) =>
          manifest === undefined || repository.archived.has(manifest.digest)
            ? []
            : {
                ...at(repository),
                imageId: { ...id, imageDigest: manifest.digest },
                imageManifest: manifest.bytes.toString(),
                imageManifestMediaType: manifest.mediaType,
              },
        ),
        failures: found.flatMap(({ id, manifest }) => {
          if (manifest === undefined) return failure(id);
          return repository.archived.has(manifest.digest) ? inaccessible(id) : [];
        }),
      };
    },
    UpdateImageStorageClass(input: RepositoryInput & { imageId: ImageId; targetStorageClass: string }) {
      const repository = find(input);
      const manifest = imageOf(repository, input.imageId);
      if (!manifest) throw missing(repository, input.imageId);
      const isArchived = input.targetStorageClass === 'ARCHIVE';
      if (isArchived) repository.archived.add(manifest.digest);
      else repository.archived.delete(manifest.digest);
      const imageStatus = isArchived ? 'ARCHIVED' : 'ACTIVE';
      return { ...at(repository), imageId: input.imageId, imageStatus };
    },
    BatchDeleteImage(input: ImagesInput) {
      const repository = find(input);
      const imageIds: ImageId[] = [];
      const failures: ReturnType<typeof failure>[] = [];
      if (input.imageIds.length > MAX_IDS) throw tooManyIds();
      for (const id of input.imageIds) {
        const manifest = imageOf(repository, id);
        if (!manifest) {
          const isMoved = id.imageDigest !== undefined && repository.tags.has(id.imageTag ?? '');
          failures.push(
            isMoved
              ? failure(id, 'ImageTagDoesNotMatchDigest', 'The image tag does not match the digest')
              : failure(id),
          );
          continue;
        }
        const isLast = id.imageTag === undefined || tagsOf(repository, manifest).length === 1;
        const index = isLast ? referencedBy(repository, manifest) : undefined;
        if (index) {
          const reason = `Requested image referenced by manifest list: [${index.digest}]`;
          failures.push(failure(id, 'ImageReferencedByManifestList', reason));
          continue;
        }
        imageIds.push({ ...id, imageDigest: manifest.digest });
        if (id.imageTag !== undefined) repository.tags.delete(id.imageTag);
        const tags = tagsOf(repository, manifest);
        if (id.imageTag !== undefined && tags.length > 0) continue;
        for (const tag of tags) repository.tags.delete(tag);
        repository.manifests.delete(manifest.digest);
      }
      return { imageIds, failures };
    },
    BatchCheckLayerAvailability(input: RepositoryInput & { layerDigests: string[] }) {
      const { blobs } = find(input);
      return {
        layers: input.layerDigests.map((layerDigest) => ({
          layerDigest,
          layerAvailability: blobs.has(layerDigest) ? 'AVAILABLE' : 'UNAVAILABLE',
          layerSize: blobs.get(layerDigest)?.length,
        })),
        failures: [],
      };
    },
    GetDownloadUrlForLayer(input: RepositoryInput & { layerDigest: string }) {
      const { layerDigest } = input;
      if (!find(input).blobs.has(layerDigest)) {
        throw new AwsRefusal(
          'LayersNotFoundException',
          `The layer with digest '${layerDigest}' does not exist`,
        );
      }
      return { downloadUrl: registry.bucket.signedUrl(layerDigest), layerDigest };
    },
  };
}
