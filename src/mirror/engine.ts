import type { Digest } from '../clients/registry/digest.ts';
import type { Credential } from '../clients/registry/credentials.ts';
import type { WantedImage } from '../images/port.ts';
import type { EngineName, MirrorOptions, MirrorResult } from './port.ts';

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
