import pLimit from 'p-limit';
import type { Digest } from '../../clients/registry/digest.ts';
import { CorruptContent } from '../../clients/registry/digest.ts';
import type { RequestContext } from '../../clients/registry/host.ts';
import type { Descriptor, Manifest } from '../../clients/registry/manifest.ts';
import { artifactTags, listTag } from '../../clients/registry/referrer-tags.ts';
import { BootstrapError } from '../../core/errors.ts';
import type { Contents } from './contents.ts';
import type { RepositoryLocation } from './read-blob.ts';
import { ManifestTree } from './tree.ts';

/** A signature, an attestation, an SBOM or another artifact that belongs to a manifest. */
export interface Referrer {
  readonly subject: Digest;
  readonly root: Manifest;
  /** The manifests below the root, if it is an index. */
  readonly inner: readonly Manifest[];
  /** The tag by which tools find it. Without a tag, they find it by its subject. */
  readonly tag?: string;
}

/** What a referrer is, in a few words for warnings: the most specific media type. */
export function typeOf({ artifactType, blobs, mediaType }: Manifest): string {
  const types = [artifactType ?? '', ...blobs.map((blob) => blob.mediaType)];
  const specific = types.find((type) => type !== '' && !/\.(?:config|image|empty)\.v\d/.test(type));
  return (specific ?? mediaType).slice(0, 100);
}

/** Far more than any real image has, and few enough for the memory and for the number of requests. */
const limits = { levels: 4, referrers: 500, manifestBytes: 32 * 1024 * 1024 } as const;

const maxLookupsAtOnce = 8;

/** A wrong referrer is skipped. Other errors, for example of the network, are thrown. */
export function skipReasonOf(error: unknown): string | undefined {
  if (error instanceof CorruptContent) return error.message;
  if (!(error instanceof BootstrapError)) return undefined;
  return /^image-(?:missing|corrupt|unsupported)$/.test(error.code) ? error.why : undefined;
}

interface SearchContext {
  readonly contents: Contents;
  readonly call: RequestContext;
  /** The image, for error messages. */
  readonly what: string;
  /** Called for each referrer that cannot be copied. */
  readonly skip: (reason: string) => void;
}

/**
 * Finds the referrers of an image at its source: those that the referrers API lists, or the list under the fallback tag
 * of registries without it, and those under the tags of cosign. The source is untrusted: it may list what refers to
 * something else, or lists without an end.
 */
export class ReferrerSearch {
  readonly #source: RepositoryLocation;
  readonly #context: SearchContext;
  readonly #limit = pLimit(maxLookupsAtOnce);
  /** Manifests whose referrers were looked up. */
  readonly #subjects = new Set<Digest>();
  /** References of referrers that were found: tags and digests. */
  readonly #found = new Set<string>();
  #referrers = 0;
  #bytes = 0;

  constructor(source: RepositoryLocation, context: SearchContext) {
    this.#source = source;
    this.#context = context;
  }

  /** The referrers of these manifests, then the referrers of those, and so on. */
  async levels(subjects: readonly Digest[]): Promise<readonly (readonly Referrer[])[]> {
    const levels: (readonly Referrer[])[] = [];
    let level = subjects;
    while (level.length > 0) {
      for (const subject of level) this.#subjects.add(subject);
      const found = (await Promise.all(level.map((subject) => this.#referrersOf(subject)))).flat();
      if (found.length === 0) break;
      if (levels.length === limits.levels) {
        for (const _ of found)
          this.#context.skip(`referrers are nested more than ${limits.levels} levels deep`);
        break;
      }
      levels.push(found);
      const digests = new Set(found.map(({ root }) => root.digest));
      level = [...digests].filter((digest) => !this.#subjects.has(digest));
    }
    return levels;
  }

  /** How many referrers the source has of a manifest, without their own. */
  async count(subject: Digest): Promise<number> {
    return (await this.#candidatesOf(subject)).length;
  }

  async #referrersOf(subject: Digest): Promise<readonly Referrer[]> {
    const candidates = await this.#candidatesOf(subject);
    const found = await Promise.all(
      candidates.map((candidate) =>
        this.#limit(() => this.#skippingWrong(() => this.#read(subject, candidate))),
      ),
    );
    return found.flatMap((referrer) => referrer ?? []);
  }

  async #candidatesOf(subject: Digest): Promise<readonly Candidate[]> {
    const [listed, tagged] = await Promise.all([this.#listed(subject), this.#tagged(subject)]);
    return [...listed.map(({ digest }) => ({ digest })), ...tagged].filter(
      ({ digest, tag = digest }: Candidate) => {
        // A manifest of the image may also refer to another one of it, as attestations of BuildKit do.
        if (this.#subjects.has(digest) || this.#found.has(tag)) return false;
        this.#found.add(tag);
        return true;
      },
    );
  }

  async #listed(subject: Digest): Promise<readonly Descriptor[]> {
    const { contents, call } = this.#context;
    const list = await this.#skippingWrong(() =>
      this.#limit(() => listedReferrers(this.#source, subject, contents, call)),
    );
    return list?.referrers ?? [];
  }

  async #tagged(subject: Digest): Promise<readonly Candidate[]> {
    const { registry, repository } = this.#source;
    const found = artifactTags(subject).map((tag) =>
      this.#limit(async () => {
        const { call } = this.#context;
        const digest = await this.#skippingWrong(() => registry.headManifest(repository, tag, call));
        return digest ? [{ digest, tag }] : [];
      }),
    );
    return (await Promise.all(found)).flat();
  }

  async #read(subject: Digest, { digest, tag }: Candidate): Promise<Referrer | undefined> {
    const { contents, call, what, skip } = this.#context;
    if (this.#referrers >= limits.referrers || this.#bytes > limits.manifestBytes) {
      skip(`the source has more referrers than ${limits.referrers}, or larger ones than this program reads`);
      return undefined;
    }
    this.#referrers += 1;
    const read = (wanted: Digest) => contents.manifest(this.#source, wanted, call);
    const root = await read(digest);
    if (tag === undefined ? root.subject !== subject : (root.subject ?? subject) !== subject) {
      skip(`the source lists ${digest} for ${subject}, but it belongs to ${root.subject ?? 'no manifest'}`);
      return undefined;
    }
    const inner = await new ManifestTree(root, read, { what, signal: call.signal }).below();
    this.#bytes += [root, ...inner].reduce((sum, { bytes }) => sum + bytes.length, 0);
    return { subject, root, inner, ...(tag !== undefined && { tag }) };
  }

  async #skippingWrong<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const reason = skipReasonOf(error);
      if (reason === undefined) throw error;
      this.#context.skip(reason);
      return undefined;
    }
  }
}

interface Candidate {
  readonly digest: Digest;
  readonly tag?: string;
}

/** The list of a manifest's referrers. */
export interface ReferrerList {
  readonly referrers: readonly Descriptor[];
  /** Whether the registry maintains the list. Otherwise it is content of the fallback tag, which clients write. */
  readonly isOfApi: boolean;
}

/** The referrers that a registry lists for a manifest: by its API, or by the tag that takes its place. */
export async function listedReferrers(
  location: RepositoryLocation,
  subject: Digest,
  contents: Contents,
  call: RequestContext,
): Promise<ReferrerList> {
  const { registry, repository } = location;
  const listed = await registry.referrers(repository, subject, call);
  if (listed) return { referrers: listed, isOfApi: true };
  const digest = await registry.headManifest(repository, listTag(subject), call);
  // GitLab resolves the tag to the manifest itself.
  if (digest === undefined || digest === subject) return { referrers: [], isOfApi: false };
  const list = await contents.manifest(location, digest, call);
  return { referrers: list.children, isOfApi: false };
}
