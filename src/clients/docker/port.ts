import type { Platform } from '../../core/platform.ts';
import type { Credential } from '../registry/credentials.ts';
import type { Digest } from '../registry/digest.ts';

/** An image in the engine's own store. */
export interface LocalImage {
  /** The config's digest; with the containerd store the digest of the manifest or index. */
  readonly id: Digest;
  readonly platform: Platform;
  /** Digests of the uncompressed layers, base first. */
  readonly layers: readonly Digest[];
  /** Digests under which registries are known to hold it. */
  readonly digests: readonly Digest[];
}

/** What the engine learns from the source's registry without a pull. */
export interface SourceImage {
  /** Digest of the manifest, or of the index when there are several platforms. */
  readonly digest: Digest;
  /** Missing when the engine does not tell: Docker 20.10 for a manifest of the OCI kind without an index. */
  readonly platforms?: readonly Platform[];
}

/** How far a pull or push is. Bytes as the engine counts them: compressed for a pull, uncompressed for most pushes. */
export interface Transferred {
  readonly done: number;
  /** Sum over the layers met so far; grows while the engine discovers more. */
  readonly total: number;
}

export interface TransferOptions {
  /** Undefined: anonymously. The engine's own login is never used. */
  readonly credential?: Credential | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (transferred: Transferred) => void;
}

/** What became of one layer of a push. */
export type LayerFate = 'sent' | 'mounted' | 'existed';

export interface Pushed {
  /** Digest of the manifest as the engine reports it. */
  readonly digest: Digest;
  /** By the first twelve digits of the layer's digest: uncompressed, or compressed with the containerd store. */
  readonly layers: ReadonlyMap<string, LayerFate>;
}

/**
 * A Docker engine. References are normalised and complete: `docker.io/library/nginx:1.27`, `ghcr.io/a/b@sha256:…`.
 * Throws BootstrapError `docker-unreachable`, `docker-failed`, `image-missing`, `image-platform-missing` or
 * `registry-denied`; an abort throws the signal's reason.
 */
export interface DockerPort {
  /** Where the engine is and who said so: `unix:///var/run/docker.sock (default socket)`. */
  readonly address: string;
  /** The engine's version; proves that it answers. */
  version(): Promise<string>;
  image(reference: string): Promise<LocalImage | undefined>;
  /** Asks the source's registry through the engine. */
  source(reference: string, credential: Credential | undefined): Promise<SourceImage>;
  /** @param platform undefined only for an image that has just one, whatever it is */
  pull(reference: string, platform: Platform | undefined, options: TransferOptions): Promise<void>;
  tag(image: string, repository: string, tag: string): Promise<void>;
  /** Pushes exactly this tag. */
  push(repository: string, tag: string, platform: Platform, options: TransferOptions): Promise<Pushed>;
  /** Takes a reference away, and the image with its last one. Content with what is not there. */
  remove(reference: string): Promise<void>;
}
