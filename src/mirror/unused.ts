import pLimit from 'p-limit';
import type {
  FailedDeletion,
  ImageId,
  ListedImage,
  Repository,
  StoredManifest,
} from '../clients/aws/port.ts';
import { type Digest, isDigest } from '../clients/registry/digest.ts';
import { isIndexType, parseManifest } from '../clients/registry/manifest.ts';
import { BootstrapError } from '../core/errors.ts';
import { isTolerable } from '../core/members.ts';
import { awsTags, isCreatedHere } from '../iam/tags.ts';
import type { UsedImages } from '../images/used.ts';
import type { MirrorContext } from './context.ts';
import { isPlatformMark } from './platform-marks.ts';
import { isReserved, readConcurrency } from './repositories/state.ts';

/** An image in ECR that nothing uses, or only some of its tags. */
export interface UnusedImage {
  readonly repository: string;
  /** The tags to delete. Empty for an image without tags. */
  readonly tags: readonly string[];
  readonly digest: Digest;
  /** Another tag of the image is in use, so only these tags are deleted. */
  readonly isTagOnly: boolean;
  readonly isIndex: boolean;
  /** Bytes that the image takes in ECR, with its platforms and artifacts. Other images may share some of them. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
  /** What is deleted with it: images of an index, an index before its own, and artifacts. */
  readonly parts: readonly { readonly digest: Digest; readonly isIndex: boolean }[];
}

export interface Unused {
  readonly images: readonly UnusedImage[];
  /** Repositories of the project whose images are not listed, and why. */
  readonly skipped: readonly SkippedRepository[];
}

export interface SkippedRepository {
  readonly name: string;
  readonly why: string;
}

/**
 * The images in the repositories that ecr-bootstrap created for the project which nothing uses.
 * @param before keeps images that were pushed later: a run that copies images pushes an index after its images
 */
export async function findUnused(ctx: MirrorContext, used: UsedImages, before: number): Promise<Unused> {
  const { repositories, skipped } = await ownRepositories(ctx);
  const limit = pLimit(readConcurrency);
  const found = await limit.map(repositories, ({ name }) => unusedIn(name, ctx, used, before));
  return { images: found.flat(), skipped };
}

/** Without those of the agent on nodes, and without those of users. */
async function ownRepositories(ctx: MirrorContext) {
  const { project } = ctx.config;
  const wanted = awsTags(ctx.config);
  const inside = (await ctx.aws.ecr.repositories())
    .filter(({ name }) => name.startsWith(`${project}/`) && !isReserved(name, project))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const skipped: SkippedRepository[] = [];
  const repositories = await pLimit(readConcurrency).map(inside, async (repository) => {
    const why = await whyKept(repository, wanted, ctx);
    if (why === undefined) return [repository];
    skipped.push({ name: repository.name, why });
    return [];
  });
  return { repositories: repositories.flat(), skipped };
}

async function whyKept(
  { arn }: Repository,
  wanted: ReturnType<typeof awsTags>,
  { aws: { ecr } }: MirrorContext,
): Promise<string | undefined> {
  try {
    return isCreatedHere(await ecr.tags(arn), wanted)
      ? undefined
      : 'it was not created by ecr-bootstrap for this project and region';
  } catch (error) {
    if (!(error instanceof BootstrapError) || !isTolerable(error)) throw error;
    return error.why;
  }
}

async function unusedIn(
  repository: string,
  ctx: MirrorContext,
  used: UsedImages,
  before: number,
): Promise<UnusedImage[]> {
  const images = await ctx.aws.ecr.images(repository);
  const graph = await readGraph(repository, images, used, ctx);
  const kept = new Set<ListedImage>();
  const keep = (image: ListedImage | undefined): void => {
    if (!image || kept.has(image)) return;
    kept.add(image);
    for (const part of graph.partsOf(image)) keep(part);
  };
  for (const image of images) {
    const isUsed = graph.isRunning(image) || image.tags.some((tag) => used.hasTag(repository, tag));
    if (isUsed || image.pushedAt > before) keep(image);
  }
  if ([...kept].some(graph.isOpaque)) for (const image of images) if (image.tags.length === 0) keep(image);
  return [
    ...[...kept].flatMap((image) =>
      image.pushedAt > before ? [] : tagsBeside(repository, image, (tag) => used.hasTag(repository, tag)),
    ),
    ...trees(
      repository,
      images.filter((image) => !kept.has(image)),
      graph,
    ),
  ];
}

/** What the images of a repository refer to. */
interface ImageGraph {
  /** The images of an index, and the artifacts about an image. */
  partsOf(image: ListedImage): readonly ListedImage[];
  /** An index whose images are unknown, because it is archived. */
  readonly isOpaque: (image: ListedImage) => boolean;
  isRunning(image: ListedImage): boolean;
}

/** Reads the manifests of indexes only, unless a runtime reports an image by its config. */
async function readGraph(
  repository: string,
  images: readonly ListedImage[],
  used: UsedImages,
  { aws: { ecr } }: MirrorContext,
): Promise<ImageGraph> {
  const isNeeded = ({ mediaType }: ListedImage): boolean => isIndexType(mediaType) || used.configs.size > 0;
  const { found } = await ecr.manifests(
    repository,
    images.filter(isNeeded).map(({ digest }) => digest),
  );
  const references = new Map(found.map((manifest) => [manifest.digest, referencesOf(manifest)]));
  const byDigest = new Map(images.map((image) => [image.digest, image]));
  const artifacts = new Map<Digest, ListedImage[]>();
  for (const image of images) {
    for (const subject of subjectsOf(image)) {
      artifacts.set(subject, [...(artifacts.get(subject) ?? []), image]);
    }
  }
  return {
    partsOf: ({ digest }) => [
      ...(references.get(digest)?.children ?? []).flatMap((child) => byDigest.get(child) ?? []),
      ...(artifacts.get(digest) ?? []),
    ],
    isOpaque: ({ digest, mediaType }) =>
      isIndexType(mediaType) && references.get(digest)?.children === undefined,
    isRunning: ({ digest }) => {
      const config = references.get(digest)?.config;
      return used.hasDigest(digest) || (config !== undefined && used.configs.has(config));
    },
  };
}

interface References {
  /** Missing if the manifest cannot be read. */
  readonly children?: readonly Digest[];
  readonly config?: Digest;
}

function referencesOf({ repository, digest, manifest, mediaType }: StoredManifest): References {
  try {
    const { children, config } = parseManifest(Buffer.from(manifest), mediaType, `${repository}@${digest}`);
    return { children: children.map((child) => child.digest), ...(config && { config: config.digest }) };
  } catch (error) {
    // Other tools can push what this program would not.
    if (error instanceof BootstrapError) return {};
    throw error;
  }
}

/** The tag of a signature, an attestation or an SBOM, by cosign, and by the OCI specification for other registries. */
const artifactTag = /^sha256-([0-9a-f]{64})(?:$|[.-])/;

function subjectsOf({ subject, tags }: ListedImage): Digest[] {
  const tagged = tags.flatMap((tag) => {
    const digest = `sha256:${artifactTag.exec(tag)?.[1] ?? ''}`;
    return isDigest(digest) ? [digest] : [];
  });
  return [...(subject === undefined ? [] : [subject]), ...tagged];
}

/** The tags of an image that is in use by another tag. The tags of an image in use by its digest stay. */
function tagsBeside(
  repository: string,
  { digest, tags, pushedAt, mediaType }: ListedImage,
  isUsed: (tag: string) => boolean,
): UnusedImage[] {
  const others = tags.filter((tag) => !isUsed(tag) && !isPlatformMark(tag) && !artifactTag.test(tag));
  if (others.length === 0 || !tags.some(isUsed)) return [];
  const isIndex = isIndexType(mediaType);
  return [{ repository, tags: others, digest, isTagOnly: true, isIndex, size: 0, pushedAt, parts: [] }];
}

/** Each image with what only it needs. */
function trees(repository: string, images: readonly ListedImage[], graph: ImageGraph): UnusedImage[] {
  const unused = new Set(images);
  const parts = new Set(images.flatMap((image) => graph.partsOf(image)));
  const taken = new Set<ListedImage>();
  const collect = (image: ListedImage): ListedImage[] => {
    if (!unused.has(image) || taken.has(image)) return [];
    taken.add(image);
    return [image, ...graph.partsOf(image).flatMap(collect)];
  };
  return images
    .filter((image) => !parts.has(image))
    .map((image) => {
      const tree = collect(image);
      return {
        repository,
        tags: image.tags,
        digest: image.digest,
        isTagOnly: false,
        isIndex: isIndexType(image.mediaType),
        size: tree.reduce((sum, { mediaType, size }) => sum + (isIndexType(mediaType) ? 0 : size), 0),
        pushedAt: image.pushedAt,
        parts: tree.slice(1).map(({ digest, mediaType }) => ({ digest, isIndex: isIndexType(mediaType) })),
      };
    });
}

/** What ECR accepts in one call. */
const batchSize = 100;

/** One thing that ECR was asked to delete, and did not. */
export interface KeptImage {
  /** `REPOSITORY:TAG` or `REPOSITORY@DIGEST`. */
  readonly name: string;
  readonly code: string;
  readonly why: string;
}

/**
 * Deletes the images of one repository. A tag that was moved meanwhile stays. Indexes come first, because ECR keeps the
 * images of an index.
 * @param signal ends it between two calls
 * @returns what was not deleted
 */
export async function deleteUnused(
  repository: string,
  images: readonly UnusedImage[],
  { aws: { ecr } }: Pick<MirrorContext, 'aws'>,
  signal: AbortSignal,
): Promise<readonly KeptImage[]> {
  const parts = images.flatMap((image) => image.parts);
  const rounds: readonly (readonly ImageId[])[] = [
    images.filter(({ isIndex }) => isIndex).flatMap(idsOf),
    ...parts.filter(({ isIndex }) => isIndex).map(({ digest }) => [{ digest }]),
    [
      ...images.filter(({ isIndex }) => !isIndex).flatMap(idsOf),
      ...parts.filter(({ isIndex }) => !isIndex).map(({ digest }) => ({ digest })),
    ],
  ];
  const failures: FailedDeletion[] = [];
  for (const round of rounds) {
    for (let start = 0; start < round.length; start += batchSize) {
      signal.throwIfAborted();
      failures.push(...(await ecr.deleteImages(repository, round.slice(start, start + batchSize))));
    }
  }
  return failures
    .filter(({ code }) => code !== 'ImageNotFound')
    .map(({ id: { tag, digest = '' }, code, reason }) => ({
      name: `${repository}${tag === undefined ? `@${digest}` : `:${tag}`}`,
      code,
      why: reason,
    }));
}

/** AWS does not say what a tag with its digest deletes: the tag, or the image. So it is not used for an image that stays. */
function idsOf({ tags, digest, isTagOnly }: UnusedImage): ImageId[] {
  if (tags.length === 0) return [{ digest }];
  return tags.map((tag) => (isTagOnly ? { tag } : { tag, digest }));
}
