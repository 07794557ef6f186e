import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultWorld } from '../../support/fault-world.ts';
import type { Misbehavior } from '../../support/oci-server.ts';

let world: FaultWorld;
beforeEach(async () => {
  world = await FaultWorld.start();
});
afterEach(() => world.close());

/** The download of the layer breaks off, and the next requests for it get these responses. */
function breaksOff(...responses: readonly (Misbehavior | undefined)[]): void {
  let requests = 0;
  world.source.misbehavior = ({ kind, reference }) => {
    if (kind !== 'GET blobs' || reference !== world.layer.digest) return undefined;
    requests += 1;
    return requests === 1 ? { cutAfter: 1_000_000 } : responses[requests - 2];
  };
}

/** The first position of each request for the layer. */
const positions = (): number[] =>
  world.source.requests
    .filter(({ kind, reference }) => kind === 'GET blobs' && reference === world.layer.digest)
    .map(({ headers }) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0));

const partial = (range: string | undefined, length: number) => (response: ServerResponse) =>
  response
    .writeHead(206, { 'content-length': length, ...(range !== undefined && { 'content-range': range }) })
    .end(Buffer.alloc(length));

describe('a download that breaks off', () => {
  it('continues where it stopped, and its upload continues too', async () => {
    breaksOff();
    await world.succeeds();
    const [first, second] = positions();
    expect([first, positions().length]).toEqual([0, 2]);
    expect(second).toBeGreaterThan(0);
    expect(world.target.counts()['PUT uploads']).toBe(2);
  });

  it('starts again when the source ignores the range, without a new upload', async () => {
    breaksOff({ answer: (response) => void response.writeHead(200).end(world.layer.bytes) });
    await world.succeeds();
    expect(positions()).toHaveLength(2);
    expect(world.target.counts()['PUT uploads']).toBe(2);
  });

  it.each([
    ['another range', 'bytes 0-999/1000'],
    ['no range', undefined],
    ['an invalid range', 'bytes */*'],
  ])('starts again when the source returns %s, without a new upload', async (_, range) => {
    breaksOff({ answer: (response) => void partial(range, 1000)(response) });
    await world.succeeds();
    expect(positions()).toEqual([0, expect.any(Number), 0]);
    expect(world.target.counts()['PUT uploads']).toBe(2);
  });

  it('starts again when the source cannot satisfy the range', async () => {
    breaksOff({ status: 416 });
    await world.succeeds();
    expect(positions()).toEqual([0, expect.any(Number), 0]);
  });

  it('fails its image when the rest is of other content', async () => {
    const { length } = world.layer.bytes;
    const other = {
      answer: (response: ServerResponse) => {
        const from = positions().at(-1) ?? 0;
        partial(`bytes ${from}-${length - 1}/${length}`, length - from)(response);
      },
    };
    breaksOff(other, { cutAfter: 1_000_000 }, other);
    const [failed] = await world.copy(['corrupted']);
    expect(failed?.error?.code).toBe('image-corrupt');
    expect(world.tagged('corrupted')).toBeUndefined();
  });
});
