import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** The bytes of a blob: in memory, or made on the way for blobs that are only there to be big. */
export type Content = Buffer | VirtualContent;

export interface VirtualContent {
  readonly length: number;
  /** @param end exclusive */
  read(start: number, end: number): Readable;
}

/** A manifest, byte for byte as it was pushed. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** Sandbox time. */
  readonly pushedAt: number;
}

/** What any OCI registry keeps for one name. */
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

  /** Whether some manifest here is made of that blob. */
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
  /** JSON may hold null. */
  readonly urls?: readonly string[] | null;
}

/** The fields of manifests and indexes that a registry looks at. */
export interface ManifestFields {
  readonly config?: Descriptor;
  /** JSON may hold null. */
  readonly layers?: readonly Descriptor[] | null;
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
  readonly mediaType?: string;
  readonly artifactType?: string;
}

/** @throws {SyntaxError} */
export const fieldsOf = ({ bytes }: Pick<Manifest, 'bytes'>) =>
  JSON.parse(bytes.toString()) as ManifestFields;

export function blobsOf(manifest: Pick<Manifest, 'bytes'>): string[] {
  const { config, layers } = fieldsOf(manifest);
  return [config, ...(layers ?? [])].flatMap((descriptor) =>
    descriptor && !isForeign(descriptor) ? descriptor.digest : [],
  );
}

/** A layer that its maker alone distributes; registries take manifests without it. */
const isForeign = ({ mediaType = '', urls }: Descriptor): boolean =>
  (urls ?? []).length > 0 && /foreign|nondistributable/.test(mediaType);

export function childrenOf(manifest: Pick<Manifest, 'bytes'>): string[] {
  return fieldsOf(manifest).manifests?.map(({ digest }) => digest) ?? [];
}

const BLOCK = 1 << 20;

/** A blob of any size that costs no memory. The same seed gives the same bytes. */
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
