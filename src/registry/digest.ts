import { createHash } from 'node:crypto';

/** `sha256:…` of the bytes. */
export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** What came is not what was asked for: another digest, or another length. */
export class CorruptContent extends Error {}

/**
 * Passes the chunks on and fails unless they are `size` bytes with that digest. The last chunk is held back until
 * that is known, so that no wrong content ever arrives complete.
 * @throws CorruptContent
 */
export async function* verified(
  chunks: AsyncIterable<Buffer>,
  { digest, size }: { readonly digest: string; readonly size: number },
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256');
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
  const actual = `sha256:${hash.digest('hex')}`;
  if (actual !== digest) throw new CorruptContent(`the source sent ${actual} for ${digest}`);
  if (held) yield held;
}
