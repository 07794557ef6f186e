import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** The bytes of a blob: in memory, or generated during the read for blobs that only need to be large. */
export type Content = Buffer | VirtualContent;

export interface VirtualContent {
  readonly length: number;
  /** @param end exclusive */
  read(start: number, end: number): Readable;
}

/** A manifest with the exact bytes of the push. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Milliseconds since the epoch, in sandbox time. */
  readonly pushedAt: number;
}

/** A repository, as every OCI registry stores it. */
export class Repository {
  /** By digest. */
  readonly manifests = new Map<string, Manifest>();
  /** Tag to digest. */
  readonly tags = new Map<string, string>();
  /** By digest. */
  readonly blobs = new Map<string, Content>();

  manifest(reference: string): Manifest | undefined {
    return this.manifests.get(reference.includes(':') ? reference : (this.tags.get(reference) ?? ''));
  }

  /** Whether a manifest in this repository refers to the blob. */
  uses(digest: string): boolean {
    return [...this.manifests.values()].some((manifest) => blobsOf(manifest).includes(digest));
  }
}

export const digestOf = (bytes: Buffer | string) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType?: string;
  /** JSON can contain null. */
  readonly urls?: readonly string[] | null;
}

/** The fields of manifests and indexes that a registry uses. */
export interface ManifestFields {
  readonly config?: Descriptor;
  /** JSON can contain null. */
  readonly layers?: readonly Descriptor[] | null;
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** @throws {SyntaxError} */
export const fieldsOf = ({ bytes }: Pick<Manifest, 'bytes'>) =>
  JSON.parse(bytes.toString()) as ManifestFields;

export function blobsOf(manifest: Pick<Manifest, 'bytes'>): string[] {
  const { config, layers } = fieldsOf(manifest);
  return [config, ...(layers ?? [])].flatMap((descriptor) =>
    descriptor && !isNondistributable(descriptor) ? descriptor.digest : [],
  );
}

/** A layer that only its vendor distributes. Registries accept manifests without it. */
const isNondistributable = ({ mediaType = '', urls }: Descriptor): boolean =>
  (urls ?? []).length > 0 && /foreign|nondistributable/.test(mediaType);

export function childrenOf(manifest: Pick<Manifest, 'bytes'>): string[] {
  return fieldsOf(manifest).manifests?.map(({ digest }) => digest) ?? [];
}

const BLOCK = 1 << 20;

/** A blob of any size that uses no memory. The same seed gives the same bytes. */
export function virtualContent(length: number, seed: string): VirtualContent {
  const block = Buffer.alloc(BLOCK, createHash('sha512').update(seed).digest());
  return {
    length,
    read(start, end) {
      function* pieces() {
        for (let at = start; at < end;) {
          const piece = block.subarray(at % BLOCK, Math.min(BLOCK, (at % BLOCK) + end - at));
          at += piece.length;
          yield piece;
        }
      }
      return Readable.from(pieces());
    },
  };
}
