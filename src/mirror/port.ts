import type { BootstrapError } from '../core/errors.ts';
import type { Platforms } from '../core/platform.ts';
import type { WantedImage } from '../images/port.ts';
import type { Emit } from '../core/step.ts';
import type { Digest } from '../clients/registry/digest.ts';

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

/** What the ECR holds for a wanted image, told without asking its source. */
export interface Presence {
  readonly image: WantedImage;
  readonly digest?: Digest;
  /** Wanted platforms that are to be copied; empty when the image is not there at all. */
  readonly missingPlatforms: readonly string[];
  /** Platforms of nodes that the source did not have when the image was copied. */
  readonly unavailablePlatforms: readonly string[];
  /** Why the ECR could not be asked about this image. */
  readonly error?: BootstrapError;
}

/** Repositories must exist before {@link Mirror.copy}, or be made by `prepare`. Failures are per image, in the results. */
export interface Mirror {
  /** Asks only the ECR. */
  presence(images: readonly WantedImage[], platforms: Platforms): Promise<readonly Presence[]>;
  /**
   * Asks the sources, within seconds, for images that the ECR does not have: those that a source says it does not have, or
   * refuses. A source that gives no clear answer in time says nothing about its images.
   */
  unavailable(
    images: readonly WantedImage[],
    options: Pick<MirrorOptions, 'engine' | 'signal'>,
  ): Promise<ReadonlyMap<WantedImage, BootstrapError>>;
  /** Resolves every source and tells what a copy would do. */
  plan(images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]>;
  copy(images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]>;
}
