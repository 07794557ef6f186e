import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { onAbort } from '../../core/abort.ts';

/** The size of the file in bytes, at most. It also takes at most half of the free space. */
const maxBytes = 4 * 1024 ** 3;
const chunkBytes = 128 * 1024;
/** Uploads of the same content are close together, so most chunks are read from the disk once. */
const maxRecentChunks = 64;

/** Shared content cannot be read, because its download or the disk failed. */
export class SpoolError extends Error {
  readonly isDiskError: boolean;

  constructor(cause: unknown, isDiskError: boolean) {
    super('shared content cannot be read', { cause });
    this.isDiskError = isDiskError;
  }
}

interface SpoolFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  /** A read or a write has failed, so no further content is stored. */
  isBroken: boolean;
}

interface Region {
  readonly start: number;
  readonly size: number;
}

/**
 * Content that several uploads send, in one temporary file. Each upload reads at its own pace, also while the
 * download still runs. The file has no name, so it disappears with the process.
 */
export class Spool {
  readonly #folder: string;
  #file: ReturnType<typeof openFile> | undefined;
  /** The used regions of the file, in order. */
  readonly #regions: Region[] = [];
  readonly #contents = new Map<object, SharedContent>();
  readonly #recent = new RecentChunks();

  /** @param folder where the file is created, when it is needed */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The content with that key. The first caller starts its download, which continues without readers until
   * {@link release}. After a failed download, the next caller starts a new one.
   * @returns undefined when there is no room for it, or after an error of the disk
   */
  async share(
    key: object,
    size: number,
    download: (signal: AbortSignal) => AsyncIterable<Buffer>,
  ): Promise<{ readonly content: SharedContent; readonly isNew: boolean } | undefined> {
    const file = await (this.#file ??= openFile(this.#folder));
    const known = this.#contents.get(key);
    if (known) return { content: known, isNew: false };
    const region = file && !file.isBroken ? this.#place(size, file.sizeBytes) : undefined;
    if (!file || !region) return undefined;
    const content = new SharedContent(file, region, this.#recent, download);
    this.#contents.set(key, content);
    void content.ended.then(() => {
      if (content.failure) this.#forget(key, content, region);
    });
    void content.released.then(() => this.#forget(key, content, region));
    return { content, isNew: true };
  }

  /** Frees the room of content that is not needed anymore. */
  release(key: object): void {
    this.#contents.get(key)?.release();
  }

  /** Ends all downloads and deletes the file. */
  async close(): Promise<void> {
    const contents = [...this.#contents.values()];
    for (const content of contents) content.release();
    await Promise.all(contents.map(({ released }) => released));
    const file = await this.#file;
    await file?.handle.close();
  }

  #forget(key: object, content: SharedContent, region: Region): void {
    if (this.#contents.get(key) !== content) return;
    this.#contents.delete(key);
    this.#regions.splice(this.#regions.indexOf(region), 1);
  }

  /** The first gap that is large enough. */
  #place(size: number, fileBytes: number): Region | undefined {
    let start = 0;
    let index = 0;
    for (const used of this.#regions) {
      if (used.start - start >= size) break;
      start = used.start + used.size;
      index += 1;
    }
    if (start + size > fileBytes) return undefined;
    const region = { start, size };
    this.#regions.splice(index, 0, region);
    return region;
  }
}

/** The chunks that were read last, for other readers. */
class RecentChunks {
  /** The oldest first. */
  readonly #chunks: {
    readonly of: SharedContent;
    readonly offset: number;
    readonly bytes: Promise<Buffer>;
  }[] = [];

  get(of: SharedContent, offset: number, read: () => Promise<Buffer>): Promise<Buffer> {
    const known = this.#chunks.find((chunk) => chunk.offset === offset && chunk.of === of);
    if (known) return known.bytes;
    const bytes = read();
    this.#chunks.push({ of, offset, bytes });
    if (this.#chunks.length > maxRecentChunks) this.#chunks.shift();
    return bytes;
  }
}

/** A download into the file, and its readers. */
class SharedContent {
  failure: SpoolError | undefined;
  /** Resolves when the download has ended; never rejects. */
  readonly ended: Promise<void>;
  /** Resolves when nothing uses the region anymore. */
  readonly released: Promise<void>;
  readonly #file: SpoolFile;
  readonly #region: Region;
  readonly #recent: RecentChunks;
  readonly #canceling = new AbortController();
  #written = 0;
  #waiting: (() => void)[] = [];

  constructor(
    file: SpoolFile,
    region: Region,
    recent: RecentChunks,
    download: (signal: AbortSignal) => AsyncIterable<Buffer>,
  ) {
    this.#file = file;
    this.#region = region;
    this.#recent = recent;
    const { signal } = this.#canceling;
    this.ended = this.#receive(download(signal));
    const canceled = new Promise<void>((resolve) => onAbort(signal, resolve));
    this.released = canceled.then(() => this.ended);
  }

  release(): void {
    this.#canceling.abort(new Error('the content is not needed anymore'));
  }

  /** @throws SpoolError */
  async *chunks(): AsyncGenerator<Buffer, void, undefined> {
    const { size } = this.#region;
    let offset = 0;
    while (offset < size) {
      if (this.failure) throw this.failure;
      if (offset === this.#written) {
        await new Promise<void>((wake) => this.#waiting.push(wake));
        continue;
      }
      const chunk = await this.#chunkAt(offset);
      offset += chunk.length;
      yield chunk;
    }
  }

  /** The chunk from there on, or what has arrived of it. Readers that are close together get the same one. */
  #chunkAt(offset: number): Promise<Buffer> {
    const end = Math.min(offset - (offset % chunkBytes) + chunkBytes, this.#written);
    return this.#recent.get(this, offset, () => this.#read(this.#region.start + offset, end - offset));
  }

  async #read(position: number, length: number): Promise<Buffer> {
    const chunk = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await this.#onDisk(({ handle }) => handle.read(chunk, 0, length, position));
    // Other content may have this region by now.
    if (this.failure) throw this.failure;
    if (bytesRead === 0) throw new SpoolError(new Error('the file is shorter than its content'), true);
    return chunk.subarray(0, bytesRead);
  }

  async #receive(chunks: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of chunks) {
        await this.#append(chunk);
        this.#wake();
      }
    } catch (error) {
      this.failure = error instanceof SpoolError ? error : new SpoolError(error, false);
    }
    this.#wake();
  }

  async #append(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      const position = this.#region.start + this.#written;
      const { bytesWritten } = await this.#onDisk(({ handle }) =>
        handle.write(rest, 0, rest.length, position),
      );
      this.#written += bytesWritten;
      rest = rest.subarray(bytesWritten);
    }
  }

  async #onDisk<T>(work: (file: SpoolFile) => Promise<T>): Promise<T> {
    try {
      return await work(this.#file);
    } catch (error) {
      this.#file.isBroken = true;
      throw new SpoolError(error, true);
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A copy also works without a disk, so a folder that cannot be written is no error. */
async function openFile(folder: string): Promise<SpoolFile | undefined> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `blobs.${randomBytes(6).toString('hex')}`);
    const handle = await open(path, 'wx+', 0o600);
    await rm(path);
    const { bavail, bsize } = await statfs(folder);
    const sizeBytes = Math.min(maxBytes, Math.floor((bavail * bsize) / 2));
    return { handle, sizeBytes, isBroken: false };
  } catch {
    return undefined;
  }
}
