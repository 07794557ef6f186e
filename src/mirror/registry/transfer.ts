import type { Registry } from '../../clients/registry/client.ts';
import { CorruptContent } from '../../clients/registry/digest.ts';
import type { Call } from '../../clients/registry/host.ts';
import type { BlobJob, BlobSource, Delivery } from './blobs.ts';
import { type RepositoryLocation, readBlob } from './read-blob.ts';
import type { Contents } from './contents.ts';
import { type Slots, smallBlob } from './slots.ts';

export interface TransferContext {
  readonly target: Registry;
  readonly contents: Contents;
  readonly slots: Slots;
  /** Whether the account lets blobs be mounted; undefined when that cannot be told. */
  readonly mounting: boolean | undefined;
  /** Told of bytes as they leave, and taken back (negative) when an upload starts again. */
  readonly moved: (job: BlobJob, bytes: number) => void;
}

/** How a blob got into its repository, and the image whose source was asked for it. */
export interface BlobDelivery {
  readonly way: 'sent' | 'mounted' | 'present';
  readonly shipped: Delivery;
}

type Way = BlobDelivery['way'];

/** No source could give a blob. Each of its images fails by what its own source said. */
export class NotDelivered extends Error {
  readonly #failures: ReadonlyMap<BlobSource, unknown>;

  constructor(failures: ReadonlyMap<BlobSource, unknown>) {
    super('no source has the blob');
    this.#failures = failures;
  }

  /** What the source of that image said. */
  of(shipped: Delivery): unknown {
    const own = [...this.#failures].find(([{ shipments }]) => shipments.includes(shipped));
    return own?.[1] ?? [...this.#failures.values()][0];
  }
}

/** How often content that is not what it should be is fetched again: a bad copy in a content network may pass. */
const maxCorruptReads = 2;
/** Blobs up to this are asked for while the registry is asked whether it needs them: that saves a round trip. Bytes. */
const readAhead = smallBlob;
/** Blobs up to this are read as a whole before they are sent. Bytes. */
const readWhole = 256 * 1024;
/** So many mounts refused in a row, where the account's setting is unknown, mean that there are none. */
const conclusiveCount = 3;

/** A blob that is fetched before it is known to be needed. */
interface ReadAhead {
  readonly content: Promise<Buffer | AsyncIterable<Buffer>>;
  readonly cancel: () => void;
}

/** Brings blobs into repositories: by mount where it can be, by upload where it must be. */
export class Transfer {
  readonly #with: TransferContext;
  /** What sources failed with, as opposed to the target: then another source may do. */
  readonly #ofSources = new WeakSet<object>();
  #mounting: boolean | undefined;
  #refusals = 0;

  constructor(transferring: TransferContext) {
    this.#with = transferring;
    this.#mounting = transferring.mounting;
  }

  /** @throws NotDelivered when every source fails, and what the target fails with as it is */
  async run(job: BlobJob, { signal }: Pick<Call, 'signal'>): Promise<BlobDelivery> {
    const [first] = job.shipments;
    if (job.isPresent) return { way: 'present', shipped: first };
    const from = await this.#holder(job, signal);
    return this.#with.slots.run(job.blob.size, signal, async () => {
      const failures = new Map<BlobSource, unknown>();
      for (const offer of job.offers) {
        const shipped = offer.shipments.find(({ failed }) => !failed);
        // Every image that needed it has failed.
        if (!shipped) continue;
        const call = { signal, tally: shipped.stats };
        try {
          return { way: await this.#bring(job, offer.location, from, call), shipped };
        } catch (error) {
          if (signal.aborted || !this.#isOfSource(error)) throw error;
          failures.set(offer, error);
        }
      }
      if (failures.size > 0) throw new NotDelivered(failures);
      return { way: 'present', shipped: first };
    });
  }

  #isOfSource = (error: unknown): boolean =>
    typeof error === 'object' && error !== null && this.#ofSources.has(error);

  /** Remembers of whatever a source fails with that it was the source. */
  async *#read(job: BlobJob, place: RepositoryLocation, call: Call): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* readBlob(place, job.blob, call);
    } catch (error) {
      throw this.#noted(error);
    }
  }

  #noted(error: unknown): unknown {
    if (typeof error === 'object' && error !== null) this.#ofSources.add(error);
    return error;
  }

  /** Another repository that holds the blob, once a manifest there refers to it: ECR mounts nothing before that. */
  async #holder(job: BlobJob, signal: AbortSignal): Promise<string | undefined> {
    for (const [repository, peer] of job.peers) {
      if (peer === job || this.#mounting === false) return undefined;
      const arrived = await peer.shipments[0].arrived;
      signal.throwIfAborted();
      if (arrived) return repository;
    }
    return undefined;
  }

  async #bring(job: BlobJob, place: RepositoryLocation, from: string | undefined, call: Call): Promise<Way> {
    const { target } = this.#with;
    const { blob, repository } = job;
    // Without mounts a POST does not tell whether the blob is there, and a large one is worth a question.
    const isAsked = this.#mounting === false && blob.size >= smallBlob;
    if (isAsked && (await target.hasBlob(repository, blob.digest, call))) return 'present';
    for (let tries = 1; ; tries += 1) {
      try {
        return await target.retrying(call, () => this.#attempt(job, place, from, call));
      } catch (error) {
        if (!(error instanceof CorruptContent) || tries >= maxCorruptReads) throw error;
      }
    }
  }

  /**
   * One try, with an upload session of its own: ECR answers 416 to whoever goes on with an interrupted one. The POST
   * asks for a mount, if only from the repository itself, and so tells whether the blob is there already.
   */
  async #attempt(
    job: BlobJob,
    place: RepositoryLocation,
    from: string | undefined,
    call: Call,
  ): Promise<Way> {
    const { target } = this.#with;
    const { blob, repository } = job;
    const ahead = from === undefined && blob.size <= readAhead ? this.#fetch(job, place, call) : undefined;
    try {
      const mount = this.#mounting === false ? undefined : { digest: blob.digest, from: from ?? repository };
      const upload = await target.startUpload(repository, mount, call);
      if (from !== undefined) this.#learn(upload === undefined);
      if (!upload) return from === undefined ? 'present' : 'mounted';
      const content = ahead ? await ahead.content : this.#read(job, place, call);
      await this.#upload(job, upload, content, call);
      return 'sent';
    } finally {
      ahead?.cancel();
    }
  }

  async #upload(
    job: BlobJob,
    upload: { readonly location: string },
    content: Buffer | AsyncIterable<Buffer>,
    call: Call,
  ): Promise<void> {
    let sent = 0;
    const count = (bytes: number) => {
      sent += bytes;
      this.#with.moved(job, bytes);
    };
    const body = Buffer.isBuffer(content) ? content : counted(content, count);
    try {
      await this.#with.target.upload(job.repository, upload, { ...job.blob, body }, call);
    } catch (error) {
      this.#with.moved(job, -sent);
      throw error;
    }
    if (Buffer.isBuffer(content)) count(content.length);
  }

  /** Begins to fetch a blob. The config of an image is kept: it tells the platform when only the ECR is asked. */
  #fetch(job: BlobJob, place: RepositoryLocation, call: Call): ReadAhead {
    const { root } = job.shipments[0].resolution.selection;
    if (root.config?.digest === job.blob.digest) {
      const config = this.#with.contents.config(place, job.blob, call).catch((error: unknown) => {
        throw this.#noted(error);
      });
      return watched(config, () => undefined);
    }
    const cancelling = new AbortController();
    const signal = AbortSignal.any([call.signal, cancelling.signal]);
    let isRead = false;
    const chunks = told(this.#read(job, place, { ...call, signal }), () => (isRead = true));
    const content = job.blob.size <= readWhole ? collect(chunks) : begun(chunks);
    return watched(content, () => {
      if (!isRead) cancelling.abort();
    });
  }

  #learn(isMounted: boolean): void {
    this.#refusals = isMounted ? 0 : this.#refusals + 1;
    if (isMounted) this.#mounting = true;
    else if (this.#mounting === undefined && this.#refusals >= conclusiveCount) this.#mounting = false;
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

/** Sends the request for the first chunk at once; no more is read than fits in the buffers on the way. */
async function begun(chunks: AsyncGenerator<Buffer>): Promise<AsyncIterable<Buffer>> {
  const first = await chunks.next();
  return (async function* () {
    if (first.done === true) return;
    yield first.value;
    yield* chunks;
  })();
}

/** Tells when there is nothing more to read. */
async function* told(chunks: AsyncIterable<Buffer>, ended: () => void): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } finally {
    ended();
  }
}

/** A failure counts when the content is asked for, not before. */
function watched(content: ReadAhead['content'], cancel: () => void): ReadAhead {
  content.catch(() => undefined);
  return { content, cancel };
}
