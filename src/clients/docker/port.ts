import type { Platform } from '../../core/platform.ts';
import type { Credential } from '../registry/credentials.ts';
import type { Digest } from '../registry/digest.ts';

/** An image in the engine's own store. */
export interface LocalImage {
  /** The config's digest; with the containerd store, the digest of the manifest or index. */
  readonly id: Digest;
  readonly platform: Platform;
  /** Digests of the uncompressed layers, base first. */
  readonly layers: readonly Digest[];
  /** The image's known digests in registries. */
  readonly digests: readonly Digest[];
}

/** What the engine reads from the source's registry without a pull. */
export interface SourceImage {
  /** Digest of the manifest, or of the index when there are several platforms. */
  readonly digest: Digest;
  /** Missing when the engine does not report them: Docker 20.10, for an OCI manifest without an index. */
  readonly platforms?: readonly Platform[];
}

/**
 * Progress of a pull or push, in bytes as the engine counts them: compressed for pulls, uncompressed for most
 * pushes.
 */
export interface Transferred {
  readonly done: number;
  /** Sum of the layers discovered so far. It grows while the engine discovers more. */
  readonly total: number;
}

export interface TransferOptions {
  /** Undefined for anonymous access. The engine's own login is never used. */
  readonly credential?: Credential | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (transferred: Transferred) => void;
}

/** The outcome of one layer of a push. */
export type LayerResult = 'sent' | 'mounted' | 'existed';

export interface Pushed {
  /** Digest of the manifest, as reported by the engine. */
  readonly digest: Digest;
  /** By the first twelve digits of the layer's digest: uncompressed, or compressed with the containerd store. */
  readonly layers: ReadonlyMap<string, LayerResult>;
}

/**
 * A Docker engine. References are normalized and complete: `docker.io/library/nginx:1.27`, `ghcr.io/a/b@sha256:…`.
 * Throws BootstrapError `docker-unreachable`, `docker-failed`, `image-missing`, `image-platform-missing` or
 * `registry-denied`; an abort throws the signal's reason.
 */
export interface DockerPort {
  /** The engine's address and the source of this address: `unix:///var/run/docker.sock (default socket)`. */
  readonly address: string;
  /** The engine's version. Verifies that the engine responds. */
  version(): Promise<string>;
  image(reference: string): Promise<LocalImage | undefined>;
  /** Looks up the image at the source's registry through the engine. */
  source(reference: string, credential: Credential | undefined): Promise<SourceImage>;
  /** @param platform undefined only for an image with a single platform */
  pull(reference: string, platform: Platform | undefined, options: TransferOptions): Promise<void>;
  tag(image: string, repository: string, tag: string): Promise<void>;
  /** Pushes exactly this tag. */
  push(repository: string, tag: string, platform: Platform, options: TransferOptions): Promise<Pushed>;
  /** Removes a reference; the image is removed with its last reference. Ignores a missing reference. */
  remove(reference: string): Promise<void>;
}
