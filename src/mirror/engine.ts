import type { z } from 'zod';
import type { Digest } from '../clients/registry/digest.ts';
import type { Credential } from '../clients/registry/credentials.ts';
import { isTagImmutable, type WantedImage } from '../images/wanted.ts';
import type { BootstrapError } from '../core/errors.ts';
import type { Platforms } from '../core/platform.ts';
import type { Emit } from '../core/step.ts';
import type { resultSchema } from './schemas.ts';

export type EngineName = 'registry' | 'docker';

export interface MirrorOptions {
  readonly engine: 'auto' | EngineName;
  readonly platforms: Platforms;
  /** Blobs to transfer at once. */
  readonly concurrency: number;
  /** Keep existing tags in ECR that differ from the source. */
  readonly noClobber?: boolean;
  /** Also copy signatures, attestations and SBOMs. The Docker engine has none. */
  readonly referrers?: boolean;
  /**
   * Creates the repositories of images that were found at their sources, before they are written.
   * Resolves to the errors by repository; the images of these repositories fail with them.
   */
  readonly prepare?: (images: readonly WantedImage[]) => Promise<ReadonlyMap<string, BootstrapError>>;
  /** Other images that ECR has. If it mounts blobs from other repositories, theirs are not uploaded again. */
  readonly held?: () => Promise<readonly HeldImage[]>;
  /** A copy calls this when it has looked up all images, with the number of manifests that it puts. */
  readonly lookedUp?: (manifests: number) => void;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** An image in ECR. */
export interface HeldImage {
  readonly repository: string;
  readonly digest: Digest;
}

/** Whether an existing tag stays, although it has other content than the source. */
export const keepsTag = (
  image: WantedImage,
  { noClobber = false }: Pick<MirrorOptions, 'noClobber'>,
): boolean => noClobber || isTagImmutable(image);

/** What a mirror run would do, or did, for one image. */
export interface MirrorResult extends z.infer<typeof resultSchema> {
  readonly image: WantedImage;
  readonly error?: BootstrapError;
}

/** {@link MirrorOptions} without the choice of the engine. */
export type EngineOptions = Omit<MirrorOptions, 'engine'>;

/**
 * One way to copy images to ECR. Gives one result for each image, in their order. A failed image is a result with
 * an error and does not affect the others; only what affects all of them is thrown (`docker-unreachable`, the
 * signal's reason). A copy emits `progress` in bytes: with the id `images` for the whole, and with the source as
 * the id for each image. Like a plan, it emits `image-done` for each finished image.
 */
export interface Engine {
  readonly name: EngineName;
  /** Resolves the sources and returns what {@link Engine.copy} would do. Writes nothing. */
  plan(images: readonly WantedImage[], options: EngineOptions): Promise<readonly MirrorResult[]>;
  copy(images: readonly WantedImage[], options: EngineOptions): Promise<readonly MirrorResult[]>;
  /**
   * Looks up an image at its source with one short request.
   * @throws the error that a copy of the image would fail with
   */
  find(image: WantedImage, signal: AbortSignal): Promise<void>;
}

/** A manifest as a registry stores it. */
export interface ExistingManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The exact bytes, which have that digest. */
  readonly bytes: Buffer;
}

/** The registry that images go to. */
export interface MirrorTarget {
  /** Host with port if it has one, without scheme. */
  host(): Promise<string>;
  /** Valid for some minutes; ask again for each image. */
  credential(): Promise<Credential>;
  /** @param reference a tag or a digest @returns undefined when there is no such manifest or repository */
  manifest(
    repository: string,
    reference: string,
    signal?: AbortSignal,
  ): Promise<ExistingManifest | undefined>;
}

/** Emits that an image is finished. */
export function reportDone(emit: Emit, { image, state, bytesSent, seconds, error }: MirrorResult): void {
  const { source } = image;
  emit({ type: 'image-done', source, state, bytesSent, seconds, ...(error ? { error } : {}) });
}
