import type { Registry } from '../../clients/registry/client.ts';
import { CorruptContent, verified } from '../../clients/registry/digest.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import type { BlobCopies, BlobJob, BlobSource, Delivery } from './blobs.ts';
import { type RepositoryLocation, readBlob } from './read-blob.ts';
import type { Contents } from './contents.ts';
import { type Slots, smallBlob } from './slots.ts';
import { type Spool, SpoolError } from './spool.ts';

export interface TransferContext {
  readonly target: Registry;
  readonly contents: Contents;
  readonly slots: Slots;
  readonly spool: Spool;
  /** Whether the account allows mounting blobs; undefined when unknown. */
  readonly mounting: boolean | undefined;
  /** Called with the bytes that were sent; negative when an upload starts again. */
  readonly moved: (job: BlobJob, bytes: number) => void;
}

/** How a blob got into its repository, and the image whose source was read. */
export interface BlobDelivery {
  readonly way: 'sent' | 'mounted' | 'present';
  readonly delivery: Delivery;
}

type Way = BlobDelivery['way'];

/** No source could provide a blob. Each image fails with the error of its own source. */
export class NoSourceError extends Error {
  readonly #failures: ReadonlyMap<BlobSource, unknown>;

  constructor(failures: ReadonlyMap<BlobSource, unknown>) {
    super('no source has the blob');
    this.#failures = failures;
  }

  /** The error of that image's source. */
  of(delivery: Delivery): unknown {
    const own = [...this.#failures].find(([{ deliveries }]) => deliveries.includes(delivery));
    return own?.[1] ?? [...this.#failures.values()][0];
  }
}

/** How often corrupt content is read: a bad copy in a content delivery network may be temporary. */
const maxCorruptReads = 2;
/** Up to this size, blobs are requested before the target says whether it needs them: that saves a round trip. */
const readAheadBytes = smallBlob;
/** Blobs up to this size are read completely before they are sent. */
const readWholeBytes = 256 * 1024;
/** If the account's setting is unknown, this many rejected mounts in a row show that it does not allow mounts. */
const conclusiveRejections = 3;

/** A blob that is fetched before it is known to be needed. */
interface ReadAhead {
  readonly content: Promise<Buffer | AsyncIterable<Buffer>>;
  /** Whether the content can be sent again. */
  isReusable: boolean;
  readonly cancel: () => void;
}

/** Brings blobs into repositories: by mount if possible, otherwise by upload. */
export class Transfer {
  readonly #context: TransferContext;
  /** Errors of sources. After them another source may work; after errors of the target it may not. */
  readonly #sourceErrors = new WeakSet<object>();
  /** How many jobs for a blob have not ended. */
  readonly #unfinished = new Map<BlobCopies, number>();
  /** Jobs that read their own source, because the shared download failed. */
  readonly #unshared = new WeakSet<BlobJob>();
  /** Jobs whose repository was asked and does not have the blob. */
  readonly #absent = new WeakSet<BlobJob>();
  #mounting: boolean | undefined;
  #rejections = 0;
  /** Whether there may be more jobs than those that are expected. */
  #mayGrow = true;

  constructor(context: TransferContext) {
    this.#context = context;
    this.#mounting = context.mounting;
  }

  /** Announces jobs before they run, so that content is kept for them. */
  expect(jobs: readonly BlobJob[], areLast: boolean): void {
    for (const { copies } of jobs) this.#unfinished.set(copies, (this.#unfinished.get(copies) ?? 0) + 1);
    this.#mayGrow = !areLast;
    for (const copies of this.#unfinished.keys()) this.#releaseUnneeded(copies);
  }

  /**
   * Runs an expected job.
   * @returns undefined when all images that need the blob have failed
   * @throws NoSourceError when all sources fail; errors of the target unchanged
   */
  async run(job: BlobJob, { signal }: Pick<RequestContext, 'signal'>): Promise<BlobDelivery | undefined> {
    const { copies } = job;
    let delivery: BlobDelivery | undefined;
    try {
      return (delivery = await this.#deliver(job, signal));
    } finally {
      job.settle(delivery !== undefined);
      this.#unfinished.set(copies, (this.#unfinished.get(copies) ?? 1) - 1);
      this.#releaseUnneeded(copies);
    }
  }

  /** Frees the content of a blob that no job needs anymore. */
  #releaseUnneeded(copies: BlobCopies): void {
    if (this.#mayGrow || this.#unfinished.get(copies) !== 0) return;
    this.#unfinished.delete(copies);
    this.#context.spool.release(copies);
  }

  async #deliver(job: BlobJob, signal: AbortSignal): Promise<BlobDelivery | undefined> {
    const [first] = job.deliveries;
    if (job.isPresent || (await job.previous?.arrived)) return { way: 'present', delivery: first };
    const mountFrom = await this.#repositoryToMountFrom(job, signal);
    const { slots } = this.#context;
    // Without mounts the POST does not report whether the blob exists; for a large blob a HEAD request pays off.
    if (this.#mounting === false && job.blob.size >= smallBlob) {
      const isPresent = await slots.request(signal, () =>
        this.#isPresent(job, { signal, tally: first.stats }),
      );
      if (isPresent) return { way: 'present', delivery: first };
    }
    return slots.run(job, signal, async () => {
      const failures = new Map<BlobSource, unknown>();
      for (const source of job.sources) {
        const delivery = source.deliveries.find(({ failed }) => !failed);
        if (!delivery) continue;
        const call = { signal, tally: delivery.stats };
        try {
          return { way: await this.#bring(job, source.location, mountFrom, call), delivery };
        } catch (error) {
          if (signal.aborted || !this.#isSourceError(error)) throw error;
          failures.set(source, error);
        }
      }
      if (failures.size > 0) throw new NoSourceError(failures);
      return undefined;
    });
  }

  #isSourceError = (error: unknown): boolean =>
    typeof error === 'object' && error !== null && this.#sourceErrors.has(error);

  /**
   * The content of a blob. Repositories that cannot mount it share one download, so that it crosses the wire from
   * its source once.
   * @param signal ends the reading, but not a shared download
   */
  async *#read(
    job: BlobJob,
    location: RepositoryLocation,
    call: RequestContext,
    signal = call.signal,
  ): AsyncGenerator<Buffer, void, undefined> {
    const { blob, copies } = job;
    const download = (until: AbortSignal) => readBlob(location, blob, { ...call, signal: until });
    const shareable = (ended: AbortSignal) => download(AbortSignal.any([call.signal, ended]));
    // Sharing takes a fifth more CPU time, so there is none while mounts succeed.
    const mayBeReadAgain = this.#mounting !== true || this.#rejections > 0;
    const isShared = copies.jobs.length > 1 || this.#mayGrow;
    const mayShare = isShared && mayBeReadAgain && !this.#unshared.has(job);
    const shared = mayShare ? await this.#context.spool.share(copies, blob.size, shareable) : undefined;
    try {
      yield* shared ? verified(shared.content.chunks(), blob) : download(signal);
    } catch (error) {
      if (shared && !(shared.isNew && error instanceof SpoolError && !error.isDiskError)) {
        this.#unshared.add(job);
        throw error instanceof SpoolError ? error : new SpoolError(error, true);
      }
      throw this.#sourceError(error instanceof SpoolError ? error.cause : error);
    }
  }

  /** Remembers that a source failed, and not the target. */
  #sourceError(error: unknown): unknown {
    if (typeof error === 'object' && error !== null) this.#sourceErrors.add(error);
    return error;
  }

  /** Another repository that has the blob. ECR mounts a blob only after a manifest there refers to it. */
  async #repositoryToMountFrom(job: BlobJob, signal: AbortSignal): Promise<string | undefined> {
    const { copies, repository: own } = job;
    const { committed, jobs } = copies;
    if (committed !== undefined && this.#mounting !== false) return committed === own ? undefined : committed;
    for (const peer of jobs) {
      if (peer === job || this.#mounting === false) return undefined;
      const arrived = await peer.deliveries[0].arrived;
      signal.throwIfAborted();
      if (arrived) return peer.repository;
    }
    return undefined;
  }

  async #isPresent(job: BlobJob, call: RequestContext): Promise<boolean> {
    const isPresent = await this.#context.target.hasBlob(job.repository, job.blob.digest, call);
    if (!isPresent) this.#absent.add(job);
    return isPresent;
  }

  async #bring(
    job: BlobJob,
    location: RepositoryLocation,
    from: string | undefined,
    call: RequestContext,
  ): Promise<Way> {
    let readAhead: ReadAhead | undefined;
    const attempt = async (): Promise<Way> => {
      const isFetchedEarly = from === undefined && (job.blob.size <= readAheadBytes || this.#absent.has(job));
      if (isFetchedEarly) readAhead ??= this.#fetch(job, location, call);
      try {
        return await this.#attempt(job, location, from, call, readAhead);
      } finally {
        if (readAhead?.isReusable === false) {
          readAhead.cancel();
          readAhead = undefined;
        }
      }
    };
    try {
      return await this.#retrying(call, attempt);
    } finally {
      readAhead?.cancel();
    }
  }

  /** Repeats an attempt after errors that another request or another read may avoid. */
  async #retrying(call: RequestContext, attempt: () => Promise<Way>): Promise<Way> {
    for (let reads = 1; ; reads += 1) {
      try {
        return await this.#context.target.retrying(call, attempt);
      } catch (error) {
        // After that, the job reads its own source.
        if (error instanceof SpoolError) reads -= 1;
        else if (!(error instanceof CorruptContent) || reads >= maxCorruptReads) throw error;
      }
    }
  }

  /**
   * One attempt with its own upload session: ECR answers 416 to requests that continue an interrupted one. The POST asks
   * for a mount, at least from the repository itself, and so reports whether the blob already exists.
   */
  async #attempt(
    job: BlobJob,
    location: RepositoryLocation,
    from: string | undefined,
    call: RequestContext,
    readAhead: ReadAhead | undefined,
  ): Promise<Way> {
    const { target } = this.#context;
    const { blob, repository } = job;
    const mount = this.#mounting === false ? undefined : { digest: blob.digest, from: from ?? repository };
    const upload = await target.startUpload(repository, mount, call);
    if (from !== undefined) this.#learn(upload === undefined);
    if (!upload) return from === undefined ? 'present' : 'mounted';
    const content = readAhead ? await readAhead.content : this.#read(job, location, call);
    await this.#upload(job, upload, content, call);
    return 'sent';
  }

  async #upload(
    job: BlobJob,
    upload: { readonly location: string },
    content: Buffer | AsyncIterable<Buffer>,
    call: RequestContext,
  ): Promise<void> {
    let sent = 0;
    const count = (bytes: number) => {
      sent += bytes;
      this.#context.moved(job, bytes);
    };
    const body = Buffer.isBuffer(content) ? content : counted(content, count);
    try {
      await this.#context.target.upload(job.repository, upload, { ...job.blob, body }, call);
    } catch (error) {
      this.#context.moved(job, -sent);
      throw error;
    }
    if (Buffer.isBuffer(content)) count(content.length);
  }

  /** Begins to fetch a blob. Image configs are cached: later runs read the platform from them. */
  #fetch(job: BlobJob, location: RepositoryLocation, call: RequestContext): ReadAhead {
    const { root } = job.deliveries[0].resolution.selection;
    if (root.config?.digest === job.blob.digest) {
      const config = this.#context.contents.config(location, job.blob, call).catch((error: unknown) => {
        throw this.#sourceError(error);
      });
      return readAheadOf(config, true, () => undefined);
    }
    const canceling = new AbortController();
    const signal = AbortSignal.any([call.signal, canceling.signal]);
    let isRead = false;
    const chunks = withEnd(this.#read(job, location, call, signal), () => (isRead = true));
    const isWhole = job.blob.size <= readWholeBytes;
    return readAheadOf(isWhole ? collect(chunks) : started(chunks), isWhole, () => {
      if (!isRead) canceling.abort();
    });
  }

  #learn(isMounted: boolean): void {
    this.#rejections = isMounted ? 0 : this.#rejections + 1;
    if (isMounted) this.#mounting = true;
    else if (this.#mounting === undefined && this.#rejections >= conclusiveRejections) this.#mounting = false;
  }
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  count: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Sends the request at once, and reads no more than fits in the buffers. */
async function started(chunks: AsyncGenerator<Buffer>): Promise<AsyncIterable<Buffer>> {
  const first = await chunks.next();
  return (async function* () {
    if (first.done === true) return;
    yield first.value;
    yield* chunks;
  })();
}

/** Calls `ended` when there is nothing more to read. */
async function* withEnd(chunks: AsyncIterable<Buffer>, ended: () => void): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } finally {
    ended();
  }
}

/** An error is reported when the content is used, not before. */
function readAheadOf(content: ReadAhead['content'], isWhole: boolean, cancel: () => void): ReadAhead {
  const readAhead = { content, isReusable: isWhole, cancel };
  content.catch(() => (readAhead.isReusable = false));
  return readAhead;
}
