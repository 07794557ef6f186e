import { createHash } from 'node:crypto';

declare const validated: unique symbol;

/**
 * The digest of a manifest or blob: `sha256:` or `sha512:` and lower-case hexadecimal digits. External text
 * becomes a Digest only through {@link isDigest}, so a Digest is safe in a path, a URL and a header.
 */
export type Digest = string & { readonly [validated]: true };

export type Algorithm = 'sha256' | 'sha512';

const digestGrammar = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const tagGrammar = /^\w[\w.-]{0,127}$/;

export const isDigest = (value: unknown): value is Digest =>
  typeof value === 'string' && digestGrammar.test(value);

export const isTag = (text: string): boolean => tagGrammar.test(text);

export const algorithmOf = (digest: Digest): Algorithm =>
  digest.startsWith('sha512:') ? 'sha512' : 'sha256';

/** ECR documents only SHA-256 for manifests and layers. */
export const isAcceptedByEcr = (digest: Digest): boolean => algorithmOf(digest) === 'sha256';

export const digestOf = (bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Digest =>
  `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;

/** The received content has a wrong digest or a wrong length. */
export class CorruptContent extends Error {}

/**
 * Passes the chunks on, and fails unless they are `size` bytes with that digest. Holds the last chunk back until
 * the digest is verified, so that wrong content never arrives completely.
 * @throws CorruptContent
 */
export async function* verified(
  chunks: AsyncIterable<Buffer>,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): AsyncGenerator<Buffer, void, undefined> {
  const algorithm = algorithmOf(digest);
  const hash = createHash(algorithm);
  let seen = 0;
  let held: Buffer | undefined;
  for await (const chunk of chunks) {
    seen += chunk.length;
    if (seen > size) throw new CorruptContent(`the source sends more than the ${size} bytes of ${digest}`);
    hash.update(chunk);
    if (held) yield held;
    held = chunk;
  }
  if (seen !== size) throw new CorruptContent(`the source sent ${seen} of the ${size} bytes of ${digest}`);
  const actual = `${algorithm}:${hash.digest('hex')}`;
  if (actual !== digest) throw new CorruptContent(`the source sent ${actual} for ${digest}`);
  if (held) yield held;
}
