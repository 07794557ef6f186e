import { createCipheriv, createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { endOfTar, tarHeader, tarPadding } from '../../test/support/images.ts';
import type { LayerSpec } from './sets.ts';

const chunkSize = 1 << 20;

/** A layer on its way: its bytes, and after the last of them what it is. */
export interface LayerStream {
  readonly bytes: AsyncIterable<Buffer>;
  /** Of what was read so far. */
  readonly state: () => { readonly digest: string; readonly diffId: string; readonly size: number };
}

/**
 * A gzipped tar with one file. It is gzipped without compression: its content would not shrink, and it takes less time.
 */
export function openLayer(spec: LayerSpec): LayerStream {
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  let size = 0;
  async function* bytes(): AsyncGenerator<Buffer> {
    const tarred = Readable.from(hashed(tar(spec), plain));
    const zipped = tarred.pipe(createGzip({ level: 0, chunkSize }));
    for await (const chunk of hashed(zipped, packed)) {
      size += chunk.length;
      yield chunk;
    }
  }
  const state = () => ({
    digest: `sha256:${packed.copy().digest('hex')}`,
    diffId: `sha256:${plain.copy().digest('hex')}`,
    size,
  });
  return { bytes: bytes(), state };
}

async function* hashed(
  chunks: Iterable<Buffer> | AsyncIterable<Buffer>,
  hash: { update(chunk: Buffer): unknown },
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

function* tar(spec: LayerSpec): Generator<Buffer> {
  yield tarHeader(spec.seed, spec.size);
  yield* noise(spec);
  yield tarPadding(spec.size);
  yield endOfTar;
}

/** The key stream of a cipher: fast, and no compressor finds anything in it. */
function* noise({ seed, size }: LayerSpec): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const zeros = Buffer.alloc(chunkSize);
  for (let left = size; left > 0; left -= chunkSize) {
    yield cipher.update(zeros.subarray(0, Math.min(left, chunkSize)));
  }
}
