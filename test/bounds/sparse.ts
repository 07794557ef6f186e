import { createHash } from 'node:crypto';

/** A blob that exists nowhere: one byte, repeated. */
export interface Sparse {
  readonly byte: number;
  /** The size in bytes. */
  readonly size: number;
  readonly digest: string;
}

const pieceSize = 256 * 1024;

/** The content in chunks that share their memory. */
export function* piecesOf({ byte, size }: Omit<Sparse, 'digest'>): Generator<Buffer> {
  const piece = Buffer.alloc(pieceSize, byte);
  for (let left = size; left > 0; left -= pieceSize) yield left < pieceSize ? piece.subarray(0, left) : piece;
}

export function makeSparse(byte: number, size: number): Sparse {
  const hash = createHash('sha256');
  for (const piece of piecesOf({ byte, size })) hash.update(piece);
  return { byte, size, digest: `sha256:${hash.digest('hex')}` };
}

/**
 * Ten gigabytes of zeros. The digest is the output of `head -c 10000000000 /dev/zero
 *  sha256sum`.
 */
export const tenGigabytes: Sparse = {
  byte: 0,
  size: 10_000_000_000,
  digest: 'sha256:1a0a850851f333647936c0a1b4576e7ab90398b9e1ae2faf4bb66ca6b72cf724',
};
