import type { Digest } from '../clients/registry/digest.ts';
import type { Credential } from '../clients/registry/credentials.ts';
import type { WantedImage } from '../images/wanted.ts';
import type { BootstrapError } from '../core/errors.ts';
import type { Platforms } from '../core/platform.ts';
import type { Emit } from '../core/step.ts';

export type EngineName = 'registry' | 'docker';

export interface MirrorOptions {
  readonly engine: 'auto' | EngineName;
  readonly platforms: Platforms;
  /** Transfers at once. */
  readonly concurrency: number;
  /** Leave tags alone that exist in the ECR and differ from the source. */
  readonly noClobber?: boolean;
  /**
   * Called with images that were found at their sources and are about to be written: creates their repositories.
   * Resolves to what failed, by repository; images of these repositories fail with it.
   */
  readonly prepare?: (images: readonly WantedImage[]) => Promise<ReadonlyMap<string, BootstrapError>>;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** What a mirror run would do, or did, for one image. */
export interface MirrorResult {
  readonly image: WantedImage;
  /** `HOST/REPOSITORY:TAG` in the ECR; `HOST/REPOSITORY@DIGEST` for what is stored by its digest alone. */
  readonly target: string;
  readonly engine: EngineName;
  readonly state: 'current' | 'copied' | 'moved' | 'would-copy' | 'would-move' | 'kept' | 'failed';
  readonly sourceDigest?: Digest;
  readonly targetDigest?: Digest;
  /** The digest that the tag had before, when it moved. */
  readonly previousDigest?: Digest;
  /** How much of the source the ECR gets: all of it, one platform's image under the tag, or an index of several. */
  readonly content?: 'whole' | 'platform' | 'reduced';
  /** The platforms that the target gives; empty for artifacts and where that was not looked at. */
  readonly platforms: readonly string[];
  /** Platforms of nodes that the source does not have; the image was copied without them. */
  readonly missingPlatforms?: readonly string[];
  /** Bytes of all blobs of the target, where they are known. */
  readonly size?: number;
  readonly bytesSent: number;
  readonly bytesMounted: number;
  readonly bytesSkipped: number;
  readonly requests: number;
  readonly seconds: number;
  readonly error?: BootstrapError;
}

/** What an engine is told: all of {@link MirrorOptions} but the choice of the engine. */
export type EngineOptions = Omit<MirrorOptions, 'engine'>;

/**
 * One way to bring images into the ECR. One result for each image, in the same order. A failure is a result with
 * an error and never touches the other images; only what concerns them all is thrown (`docker-unreachable`, the
 * signal's reason). A copy emits `progress`: id `images` for the whole, counted in bytes, and one per image under
 * way with its source as the id; and, like a plan, `image-done` for each image as it
 * comes to its end.
 */
export interface Engine {
  readonly name: EngineName;
  /** Resolves the sources and tells what {@link Engine.copy} would do. Writes nothing in the ECR. */
  plan(images: readonly WantedImage[], options: EngineOptions): Promise<readonly MirrorResult[]>;
  copy(images: readonly WantedImage[], options: EngineOptions): Promise<readonly MirrorResult[]>;
  /** One short question whether the source has an image. @throws what a copy of it would fail with */
  find(image: WantedImage, signal: AbortSignal): Promise<void>;
}

/** A manifest as a registry holds it. */
export interface ExistingManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** The exact bytes; the digest is theirs. */
  readonly bytes: Buffer;
}

/** The registry that images go to. */
export interface Target {
  /** Host with port if it has one, without scheme. */
  host(): Promise<string>;
  /** Valid for a while at least; ask again for each image in a long run. */
  credential(): Promise<Credential>;
  /** @param reference a tag or a digest. Undefined when there is no such manifest or repository. */
  manifest(
    repository: string,
    reference: string,
    signal?: AbortSignal,
  ): Promise<ExistingManifest | undefined>;
}

/** Tells that an image came to its end. */
export function reportDone(emit: Emit, { image, state, bytesSent, seconds, error }: MirrorResult): void {
  const { source } = image;
  emit({ type: 'image-done', source, state, bytesSent, seconds, ...(error ? { error } : {}) });
}
