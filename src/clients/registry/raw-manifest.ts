import { BootstrapError } from '../../core/errors.ts';
import { corrupt } from './errors.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from './digest.ts';
import { maxManifestBytes } from './manifest.ts';
import type { Reply } from './transport.ts';

export interface RawManifest {
  /** SHA-256, whatever digest it was requested by. */
  readonly digest: Digest;
  /** The Content-Type, without what a manifest says of itself. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * Reads the answer to a GET of a manifest and verifies its digest: the requested one, or the one in the header.
 * @param requested the digest that was requested, if it was one
 * @throws BootstrapError `image-unsupported` when it is larger than ECR takes, `image-corrupt` for a wrong digest
 */
export async function receiveManifest(
  reply: Reply,
  requested: Digest | undefined,
  what: string,
): Promise<RawManifest> {
  const bytes = await readBounded(reply, what);
  const expected = requested ?? digestHeader(reply, what) ?? digestOf(bytes);
  checkDigest(digestOf(bytes, algorithmOf(expected)), expected, 'the registry sent', what);
  return { digest: digestOf(bytes), mediaType: reply.header('content-type') ?? '', bytes };
}

/**
 * The digest that a registry names in its answer, if it names one.
 * @throws BootstrapError `image-corrupt` when the header is no digest
 */
export function digestHeader(reply: Reply, what: string): Digest | undefined {
  const header = reply.header('docker-content-digest');
  if (header === undefined || isDigest(header)) return header;
  throw corrupt(
    what,
    `the registry sent an invalid Docker-Content-Digest header: ${JSON.stringify(header.slice(0, 80))}`,
  );
}

/** @throws BootstrapError `image-corrupt` when a digest is known and another one than expected */
export function checkDigest(digest: Digest | undefined, expected: Digest, who: string, what: string): void {
  if (digest === undefined || digest === expected) return;
  throw corrupt(what, `${who} ${digest} for ${expected}`);
}

async function readBounded(reply: Reply, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply.chunks()) {
    length += chunk.length;
    if (length > maxManifestBytes) {
      throw new BootstrapError({
        code: 'image-unsupported',
        what,
        why: 'the manifest is larger than the 4 MiB that ECR accepts',
        hint: 'Build the image with fewer layers, or mirror one platform of it.',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
