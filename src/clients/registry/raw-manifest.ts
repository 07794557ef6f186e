import { BootstrapError } from '../../core/errors.ts';
import { corruptContentError } from './errors.ts';
import { algorithmOf, type Digest, digestOf, isDigest } from './digest.ts';
import { maxManifestBytes } from './manifest.ts';
import type { RegistryResponse } from './transport.ts';

export interface RawManifest {
  /** SHA-256, even if it was requested by another digest. */
  readonly digest: Digest;
  /** The Content-Type. The manifest's own media type is not considered. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * Reads the response to a GET of a manifest and verifies its digest: the requested one, or the one in the header.
 * @param requested the requested digest; undefined for a tag
 * @throws BootstrapError `image-unsupported` when it is larger than ECR accepts, `image-corrupt` for a wrong digest
 */
export async function receiveManifest(
  reply: RegistryResponse,
  requested: Digest | undefined,
  what: string,
): Promise<RawManifest> {
  const bytes = await readBounded(reply, what);
  const expected = requested ?? digestHeader(reply, what) ?? digestOf(bytes);
  checkDigest(digestOf(bytes, algorithmOf(expected)), expected, 'the registry sent', what);
  return { digest: digestOf(bytes), mediaType: reply.header('content-type') ?? '', bytes };
}

/**
 * The digest in the header of a registry's response, if any.
 * @throws BootstrapError `image-corrupt` when the header is not a valid digest
 */
export function digestHeader(reply: RegistryResponse, what: string): Digest | undefined {
  const header = reply.header('docker-content-digest');
  if (header === undefined || isDigest(header)) return header;
  throw corruptContentError(
    what,
    `the registry sent an invalid Docker-Content-Digest header: ${JSON.stringify(header.slice(0, 80))}`,
  );
}

/** @throws BootstrapError `image-corrupt` when the digest is known and is not the expected one */
export function checkDigest(digest: Digest | undefined, expected: Digest, who: string, what: string): void {
  if (digest === undefined || digest === expected) return;
  throw corruptContentError(what, `${who} ${digest} for ${expected}`);
}

async function readBounded(reply: RegistryResponse, what: string): Promise<Buffer> {
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
