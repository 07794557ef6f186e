import { BootstrapError } from '../errors/index.ts';
import { digestOf } from './digest.ts';
import { largestManifest } from './manifest.ts';
import type { Reply } from './transport.ts';

export interface RawManifest {
  readonly digest: string;
  /** The Content-Type, without what a manifest says of itself. */
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * Reads the answer to a GET of a manifest.
 * @param asked the digest that was asked for, if it was one
 * @throws BootstrapError `image-unsupported` when it is larger than ECR takes, `image-corrupt` for a wrong digest
 */
export async function receiveManifest(
  reply: Reply,
  asked: string | undefined,
  what: string,
): Promise<RawManifest> {
  const bytes = await readBounded(reply, what);
  const digest = digestOf(bytes);
  checkDigest(digest, asked ?? reply.header('docker-content-digest') ?? digest, 'the registry sent', what);
  return { digest, mediaType: reply.header('content-type') ?? '', bytes };
}

/** @throws BootstrapError `image-corrupt` when a digest is known and another one than expected */
export function checkDigest(digest: string | undefined, expected: string, who: string, what: string): void {
  if (digest === undefined || digest === expected) return;
  throw new BootstrapError({
    code: 'image-corrupt',
    what,
    why: `${who} ${digest} for ${expected}`,
    hint: 'Run the same command again; if it stays so, ask those who run the registry.',
  });
}

async function readBounded(reply: Reply, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of reply.chunks()) {
    length += chunk.length;
    if (length > largestManifest) {
      throw new BootstrapError({
        code: 'image-unsupported',
        what,
        why: 'the manifest is larger than the 4 MiB that ECR takes',
        hint: 'Build the image with fewer layers, or mirror one platform of it.',
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
