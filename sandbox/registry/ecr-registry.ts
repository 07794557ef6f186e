import type { SandboxClock } from '../clock.ts';
import type { EcrTokens } from '../aws/ecr-tokens.ts';
import type { Tags } from '../aws/identities.ts';
import { buildImage, type ImageSeed, type SeededImage } from './image.ts';
import { LayerBucket } from './layer-bucket.ts';
import { Repository, type Content } from './storage.ts';

/** A repository of ECR with its settings, in the words of ECR's API. */
export class EcrRepository extends Repository {
  readonly name: string;
  /** Milliseconds of sandbox time. */
  readonly created: number;
  readonly awsTags: Tags = new Map();
  tagMutability = 'MUTABLE';
  scanOnPush = false;
  encryption: { readonly encryptionType?: string; readonly kmsKey?: string } = { encryptionType: 'AES256' };
  lifecyclePolicy: string | undefined;
  policy: string | undefined;
  /** Digests of images that are kept and not given. */
  readonly archived = new Set<string>();

  constructor(name: string, created: number) {
    super();
    this.name = name;
    this.created = created;
  }

  /** Its settings as they are now. What is pushed later is in the copy too. */
  copy(): EcrRepository {
    const copy = new EcrRepository(this.name, this.created);
    return Object.assign(copy, this, { awsTags: new Map(this.awsTags) });
  }
}

/** One account's private registry: what its control plane and its registry API both look at. */
export class EcrRegistry {
  readonly account: string;
  readonly region: string;
  readonly host: string;
  readonly clock: SandboxClock;
  readonly tokens: EcrTokens;
  readonly repositories = new Map<string, EcrRepository>();
  /** Upstream registries by the prefix of the repositories that cache them. */
  readonly cacheRules = new Map<string, string>();
  /** What repositories are created for, by prefix. */
  readonly creationTemplates = new Map<string, readonly string[]>();
  /** Account settings, such as `BLOB_MOUNTING`. */
  readonly settings = new Map<string, string>();
  readonly bucket: LayerBucket;
  readonly #contents: Map<string, Content>;

  constructor(
    place: { account: string; region: string; clock: SandboxClock },
    tokens: EcrTokens,
    contents: Map<string, Content>,
  ) {
    this.account = place.account;
    this.region = place.region;
    this.clock = place.clock;
    this.host = `${place.account}.dkr.ecr.${place.region}.amazonaws.com`;
    this.tokens = tokens;
    this.#contents = contents;
    this.bucket = new LayerBucket(place.region, place.clock, contents);
  }

  /** The repositories and settings as they are now. */
  copy(): EcrRegistry {
    const copy = new EcrRegistry(this, this.tokens, this.#contents);
    for (const [name, repository] of this.repositories) copy.repositories.set(name, repository.copy());
    for (const [name, value] of this.settings) copy.settings.set(name, value);
    return copy;
  }

  addRepository(name: string): EcrRepository {
    const repository = new EcrRepository(name, this.clock.now());
    this.repositories.set(name, repository);
    return repository;
  }

  /** Puts an image there as if it had been pushed, with its repository. */
  seed(name: string, tag: string, image: ImageSeed = {}): SeededImage {
    const repository = this.repositories.get(name) ?? this.addRepository(name);
    const seeded = buildImage(repository, name, tag, image);
    for (const [digest, content] of repository.blobs) this.#contents.set(digest, content);
    return seeded;
  }
}
