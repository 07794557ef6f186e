import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Spool, SpoolError } from '../../../src/mirror/registry/spool.ts';

let folder: string;
let spool: Spool;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-'));
  spool = new Spool(folder);
});
afterEach(async () => {
  await spool.close();
  rmSync(folder, { recursive: true });
});

/** A download that the test controls. */
function manualDownload() {
  let push: (chunk: Buffer | Error | undefined) => void = () => undefined;
  const next = () => new Promise<Buffer | Error | undefined>((resolve) => (push = resolve));
  let pending = next();
  async function* download(signal: AbortSignal): AsyncGenerator<Buffer> {
    signal.addEventListener('abort', () => push(signal.reason as Error));
    for (;;) {
      const chunk = await pending;
      pending = next();
      if (chunk instanceof Error) throw chunk;
      if (chunk === undefined) return;
      yield chunk;
    }
  }
  return { download, push: (chunk: Buffer | Error | undefined) => push(chunk) };
}

async function* at(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

async function contentOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

async function share(key: object, bytes: Buffer) {
  const shared = await spool.share(key, bytes.length, () => at([bytes]));
  if (!shared) throw new Error('there is room');
  return shared;
}

describe('shared content', () => {
  it('is downloaded once, and each reader gets all of it at its own pace', async () => {
    const key = {};
    const bytes = randomBytes(300_000);
    const { isNew, content } = await share(key, bytes);
    const slow = content.chunks();
    const first = await slow.next();
    const again = await spool.share(key, bytes.length, () => at([]));
    expect([isNew, again?.isNew]).toEqual([true, false]);
    expect((await contentOf(again!.content.chunks())).equals(bytes)).toBe(true);
    const rest = await contentOf(slow);
    expect(Buffer.concat([first.value as Buffer, rest]).equals(bytes)).toBe(true);
  });

  it('is read from the disk once for readers that are close together', async () => {
    const { content } = await share({}, randomBytes(1_000_000));
    const [one, other] = [content.chunks(), content.chunks()];
    let chunks = 0;
    for (;;) {
      const [first, second] = [await one.next(), await other.next()];
      expect(second.value).toBe(first.value);
      if (first.done) break;
      chunks += 1;
    }
    expect(chunks).toBeGreaterThan(1);
  });

  it('is read while the download runs', async () => {
    const { download, push } = manualDownload();
    const shared = await spool.share({}, 6, download);
    const reader = shared!.content.chunks();
    const first = reader.next();
    push(Buffer.from('abc'));
    expect((await first).value).toEqual(Buffer.from('abc'));
    const second = reader.next();
    push(Buffer.from('def'));
    expect((await second).value).toEqual(Buffer.from('def'));
    expect((await reader.next()).done).toBe(true);
    push(undefined);
  });

  it('fails all readers with the error of its download, and is downloaded again for the next one', async () => {
    const { download, push } = manualDownload();
    const key = {};
    const shared = await spool.share(key, 6, download);
    const readers = [contentOf(shared!.content.chunks()), contentOf(shared!.content.chunks())];
    push(new Error('cut off'));
    for (const reader of readers) {
      const error = await reader.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SpoolError);
      expect(error).toMatchObject({ isDiskError: false, cause: { message: 'cut off' } });
    }
    const { isNew, content } = await share(key, Buffer.from('second'));
    expect(isNew).toBe(true);
    expect((await contentOf(content.chunks())).toString()).toBe('second');
  });

  it('of several keys does not mix, also when room is used again', async () => {
    const keys = [{}, {}, {}];
    const sizes = [70_000, 200_000, 70_000];
    const bytes = sizes.map((size) => randomBytes(size));
    const contents = await Promise.all(keys.map((key, index) => share(key, bytes[index]!)));
    await Promise.all(contents.map(({ content }) => content.ended));
    spool.release(keys[1]!);
    await contents[1]?.content.released;
    const [small, large] = [randomBytes(150_000), randomBytes(300_000)];
    const added = [await share({}, small), await share({}, large)];
    await Promise.all(added.map(({ content }) => content.ended));
    const read = await Promise.all(
      [contents[0], contents[2], ...added].map((shared) => contentOf(shared!.content.chunks())),
    );
    expect(read.every((one, index) => one.equals([bytes[0]!, bytes[2]!, small, large][index]!))).toBe(true);
  });

  it('ends its download when it is released', async () => {
    const { download } = manualDownload();
    const key = {};
    const shared = await spool.share(key, 6, download);
    spool.release(key);
    await shared!.content.released;
    expect(shared!.content.failure?.cause).toMatchObject({
      message: expect.stringContaining('needed') as string,
    });
  });
});

describe('the temporary file', () => {
  it('has no name, so that it cannot be left behind', async () => {
    await share({}, Buffer.from('private'));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not created when nothing is shared', async () => {
    const unused = new Spool(join(folder, 'unused'));
    await unused.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('never grows beyond four gigabytes', async () => {
    expect(await spool.share({}, 4 * 1024 ** 3 + 1, () => at([]))).toBeUndefined();
  });

  it('is not used again after an error of the disk, and the content that failed is read elsewhere', async () => {
    const first = await share({}, Buffer.from('first'));
    await first.content.ended;
    // The disk of a closed file fails.
    await spool.close();
    const failing = await share({}, Buffer.from('failing'));
    await failing.content.ended;
    expect(failing.content.failure?.isDiskError).toBe(true);
    expect(await spool.share({}, 5, () => at([]))).toBeUndefined();
  });

  it('is done without where the folder cannot be written', async () => {
    const unwritable = new Spool('/dev/null/folder');
    expect(await unwritable.share({}, 1, () => at([]))).toBeUndefined();
    await unwritable.close();
  });
});
