import pLimit, { type LimitFunction } from 'p-limit';
import { type Digest, digestOf } from '../../clients/registry/digest.ts';
import { RegistryError } from '../../clients/registry/errors.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import { maxManifestBytes, referrersType } from '../../clients/registry/manifest.ts';
import { listTag } from '../../clients/registry/referrer-tags.ts';
import { BootstrapError } from '../../core/errors.ts';
import { onceFulfilled } from '../../core/once.ts';
import type { Emit } from '../../core/step.ts';
import { ecrReference } from '../../images/naming.ts';
import { type EngineOptions, keepsTag, type MirrorResult, reportDone } from '../engine.ts';
import { RegistryCopy, type RegistryEngineServices } from './copy.ts';
import {
  listedReferrers,
  type Referrer,
  type ReferrerList,
  ReferrerSearch,
  skipReasonOf,
  typeOf,
} from './referrer-search.ts';
import type { Resolution } from './resolve.ts';
import { failureOf, type PlannedCopy, type TransferStats } from './result.ts';

const maxImagesAtOnce = 8;

export interface ReferrerContext {
  readonly services: RegistryEngineServices;
  readonly options: EngineOptions;
  /** Whether to write nothing. */
  readonly isPlan: boolean;
}

/**
 * Copies what belongs to images, after the images: signatures, attestations, SBOMs. Returns the results with the counts
 * of referrers, and emits that the images are finished.
 * @throws the signal's reason
 */
export async function copyReferrers(
  planned: readonly PlannedCopy[],
  results: readonly MirrorResult[],
  context: ReferrerContext,
): Promise<MirrorResult[]> {
  const { emit, signal } = context.options;
  const services = { ...context.services, mounting: onceFulfilled(context.services.mounting) };
  const limit = pLimit(maxImagesAtOnce);
  // One image of a repository after the other, because two may share referrers and lists of them.
  const turns = new Map<string, LimitFunction>();
  const written = new Set<string>();
  let [done, copied] = [0, 0];
  const report = (): void => {
    const label = `${copied} ${copied === 1 ? 'referrer' : 'referrers'} copied; images`;
    const progress = { id: 'referrers', label, done, total: results.length, unit: 'items' } as const;
    emit({ type: 'progress', progress });
  };
  const complete = async (result: MirrorResult, one: PlannedCopy | undefined): Promise<MirrorResult> => {
    if (!one || !('resolution' in one) || /^(failed|kept)$/.test(result.state)) return result;
    const turn = turns.get(result.image.repository) ?? pLimit(1);
    turns.set(result.image.repository, turn);
    return turn(() => limit(() => completed(result, one, { ...context, services }, written)));
  };
  report();
  const completedResults = await Promise.all(
    results.map(async (result, index) => {
      const last = await complete(result, planned[index]);
      done += 1;
      copied += last.referrers?.copied ?? 0;
      report();
      reportDone(emit, last);
      return last;
    }),
  );
  signal.throwIfAborted();
  return completedResults;
}

async function completed(
  result: MirrorResult,
  { resolution, stats }: Extract<PlannedCopy, { readonly resolution: Resolution }>,
  context: ReferrerContext,
  written: Set<string>,
): Promise<MirrorResult> {
  const { emit, signal } = context.options;
  const { source } = result.image;
  try {
    signal.throwIfAborted();
    const work = new ImageReferrers(resolution, stats, context, written);
    await work.run(subjectsOf(resolution, result));
    const note = work.skipped.note(source);
    if (note !== undefined) emit({ type: 'note', text: note });
    const { counts, skipped } = work;
    return { ...result, ...stats.figures(), referrers: { ...counts, skipped: skipped.count } };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const failure = failureOf(error, `could not copy the referrers of ${source}`);
    return { ...result, ...stats.figures(), state: 'failed', error: failure };
  }
}

/** The manifests in ECR that a referrer at the source may belong to. */
function subjectsOf({ selection, present }: Resolution, { state }: MirrorResult): Digest[] {
  const { root, inner, content } = selection;
  // A tag with more platforms than are wanted is current, and its index is another one.
  const isOtherIndex = state === 'current' && root.isIndex && present !== root.digest;
  const manifests = content === 'reduced' || isOtherIndex ? inner : [root, ...inner];
  return manifests.map(({ digest }) => digest);
}

/** Referrers that were not copied, by reason. */
class Skipped {
  count = 0;
  readonly #reasons = new Map<string, number>();

  add(reason: string): void {
    this.count += 1;
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  /** One sentence, or undefined if there are none. */
  note(source: string): string | undefined {
    if (this.count === 0) return undefined;
    const reasons = [...this.#reasons].map(([reason, times]) =>
      times > 1 ? `${reason} (${times})` : reason,
    );
    const more = reasons.length > maxReasons ? `; and ${reasons.length - maxReasons} other reasons` : '';
    const referrers = this.count === 1 ? '1 referrer was' : `${this.count} referrers were`;
    return `${source}: ${referrers} not copied: ${reasons.slice(0, maxReasons).join('; ')}${more}`;
  }
}

const maxReasons = 3;

const ofOtherIndex =
  'signatures of the index do not apply to a copy with some of its platforms; --platform all copies both';

/** What ECR lacks of the referrers of one manifest. */
interface LookedUp {
  readonly subject: Digest;
  /** The present list. Missing if only tags are to be copied. */
  readonly list?: ReferrerList;
  readonly missing: readonly MissingReferrer[];
}

interface MissingReferrer {
  readonly referrer: Referrer;
  /** What its tag points to in ECR now. */
  readonly present?: Digest;
}

/** The referrers of one image. */
class ImageReferrers {
  readonly counts = { copied: 0, current: 0 };
  readonly skipped = new Skipped();
  readonly #resolution: Resolution;
  readonly #stats: TransferStats;
  readonly #context: ReferrerContext;
  /** Referrers that this run has copied, for this image or another one. */
  readonly #written: Set<string>;
  readonly #call: RequestContext;
  /** Digests of referrers that ECR does not have. Nothing in ECR can refer to them. */
  readonly #absent = new Set<Digest>();

  constructor(resolution: Resolution, stats: TransferStats, context: ReferrerContext, written: Set<string>) {
    this.#resolution = resolution;
    this.#stats = stats;
    this.#context = context;
    this.#written = written;
    this.#call = { signal: context.options.signal, tally: stats };
  }

  async run(subjects: readonly Digest[]): Promise<void> {
    const { source, sourceDigest, image } = this.#resolution;
    const search = new ReferrerSearch(source, {
      contents: this.#context.services.contents,
      call: this.#call,
      what: `could not copy a referrer of ${image.source}`,
      skip: (reason) => this.skipped.add(reason),
    });
    const levels = await search.levels(subjects);
    if (!subjects.includes(sourceDigest)) {
      const lost = await search.count(sourceDigest);
      for (let one = 0; one < lost; one += 1) this.skipped.add(ofOtherIndex);
    }
    for (const level of levels) await this.#copyLevel(level);
  }

  /** Referrers may refer to those of the level before. */
  async #copyLevel(level: readonly Referrer[]): Promise<void> {
    const bySubject = new Map<Digest, Referrer[]>();
    for (const referrer of level) {
      const { subject, root } = referrer;
      if (this.#absent.has(subject)) {
        this.#absent.add(root.digest);
        this.skipped.add('they belong to a referrer that was not copied');
      } else bySubject.set(subject, [...(bySubject.get(subject) ?? []), referrer]);
    }
    const found = await Promise.all(
      [...bySubject].map(([subject, referrers]) => this.#lookUp(subject, referrers)),
    );
    const missing = found.flatMap((one) => one.missing);
    const copied = this.#context.isPlan ? missing : await this.#copy(missing);
    this.counts.copied += copied.length;
    if (this.#context.isPlan) return;
    for (const { subject, list, missing: some } of found) {
      const added = some.filter((one) => one.referrer.tag === undefined && copied.includes(one));
      if (list && !list.isOfApi && added.length > 0) await this.#putList(subject, list, added);
    }
  }

  async #lookUp(subject: Digest, referrers: readonly Referrer[]): Promise<LookedUp> {
    const { services, options } = this.#context;
    const { target, contents } = services;
    const { image } = this.#resolution;
    const isListed = referrers.some(({ tag }) => tag === undefined);
    const location = { registry: target, repository: image.repository };
    const list = isListed ? await listedReferrers(location, subject, contents, this.#call) : undefined;
    const listed = new Set(list?.referrers.map(({ digest }) => digest));
    const missing: MissingReferrer[] = [];
    for (const referrer of referrers) {
      const { root, tag } = referrer;
      const present =
        tag === undefined ? undefined : await target.headManifest(image.repository, tag, this.#call);
      const key = `${image.repository} ${tag ?? subject} ${root.digest}`;
      if (present === root.digest || listed.has(root.digest) || this.#written.has(key)) {
        this.counts.current += 1;
      } else if (present !== undefined && keepsTag(image, options)) {
        this.skipped.add(`the tag ${tag} in ECR has other content, and --no-clobber keeps it`);
      } else {
        this.#written.add(key);
        missing.push({ referrer, ...(present !== undefined && { present }) });
      }
    }
    return { subject, missing, ...(list && { list }) };
  }

  /** @returns those that have arrived. The registry may refuse some. */
  async #copy(missing: readonly MissingReferrer[]): Promise<readonly MissingReferrer[]> {
    if (missing.length === 0) return [];
    const { services, options } = this.#context;
    const { prepare: _, ...rest } = options;
    const emit: Emit = (event) => {
      if (event.type === 'note' || event.type === 'detail') options.emit(event);
    };
    const planned = missing.map((one) =>
      Promise.resolve({ resolution: this.#resolutionOf(one), stats: this.#stats }),
    );
    const results = await new RegistryCopy(services, { ...rest, emit }).run(planned);
    const arrived: MissingReferrer[] = [];
    missing.forEach((one, index) => {
      const { root } = one.referrer;
      const error = results[index]?.error;
      if (!error) return arrived.push(one);
      const reason = skipReasonOf(error);
      if (reason === undefined) throw error;
      const type = typeOf(root);
      this.skipped.add(isRefusal(error) ? `ECR refuses the type ${type} (${reason})` : `${type}: ${reason}`);
      return this.#absent.add(root.digest);
    });
    return arrived;
  }

  #resolutionOf({ referrer: { root, inner, tag }, present }: MissingReferrer): Resolution {
    const image = { ...this.#resolution.image, tag: tag ?? root.digest };
    return {
      image,
      source: this.#resolution.source,
      target: ecrReference(this.#context.services.target.name, image),
      state: present === undefined ? 'would-copy' : 'would-move',
      sourceDigest: root.digest,
      selection: { root, inner, content: 'whole', platforms: [], missing: [] },
      ...(present !== undefined && { present }),
    };
  }

  /** Adds referrers to the list that clients maintain in a registry without the API. */
  async #putList(subject: Digest, list: ReferrerList, added: readonly MissingReferrer[]): Promise<void> {
    const { target } = this.#context.services;
    const { repository } = this.#resolution.image;
    const manifests = [...list.referrers, ...added.map(({ referrer }) => descriptorOf(referrer))];
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: referrersType, manifests }));
    const manifest = { digest: digestOf(bytes), mediaType: referrersType, bytes };
    try {
      if (bytes.length > maxManifestBytes) throw tooLong(subject);
      await target.putManifest(repository, listTag(subject), manifest, this.#call);
    } catch (error) {
      const reason = skipReasonOf(error);
      if (reason === undefined) throw error;
      for (const _ of added) this.skipped.add(`they could not be listed: ${reason}`);
      this.counts.copied -= added.length;
    }
  }
}

/** ECR rejects some types of artifacts with 405, others with 400 or 415. */
const isRefusal = (error: BootstrapError): boolean =>
  error instanceof RegistryError && error.code === 'image-unsupported';

/** As the distribution specification has it: a list contains the type and the annotations of each referrer. */
function descriptorOf({ root }: Referrer): object {
  const { mediaType, digest, bytes, blobs, artifactType = blobs[0]?.mediaType } = root;
  const { annotations } = JSON.parse(bytes.toString()) as { readonly annotations?: unknown };
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...(artifactType !== undefined && { artifactType }),
    ...(typeof annotations === 'object' && annotations !== null && { annotations }),
  };
}

const tooLong = (subject: Digest): BootstrapError =>
  new BootstrapError({
    code: 'image-unsupported',
    what: `could not list the referrers of ${subject}`,
    why: 'their list is larger than the 4 MiB that a registry accepts',
    hint: 'Delete old signatures and attestations at the source.',
  });
