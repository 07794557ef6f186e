import type { SandboxClock } from '../clock.ts';
import type { EcrTokens } from '../aws/ecr-tokens.ts';
import type { Tags } from '../aws/identities.ts';
import { buildImage, type ImageSeed, type SeededImage } from './image.ts';
import { LayerBucket } from './layer-bucket.ts';
import { Repository, type Content } from './storage.ts';

/** An ECR repository with its settings, in the terms of the ECR API. */
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
  /** Digests of archived images, which cannot be pulled. */
  readonly archived = new Set<string>();

  constructor(name: string, created: number) {
    super();
    this.name = name;
    this.created = created;
  }

  /** A copy of the current settings. The images are shared, so later pushes appear in the copy too. */
  copy(): EcrRepository {
    const copy = new EcrRepository(this.name, this.created);
    return Object.assign(copy, this, { awsTags: new Map(this.awsTags) });
  }
}

/** The private registry of an account: the state that its control plane and its registry API share. */
export class EcrRegistry {
  readonly account: string;
  readonly region: string;
  readonly host: string;
  readonly clock: SandboxClock;
  readonly tokens: EcrTokens;
  readonly repositories = new Map<string, EcrRepository>();
  /** Upstream registries by the prefix of the repositories that cache their images. */
  readonly cacheRules = new Map<string, string>();
  /** The uses for which creation templates apply (`appliedFor`), by repository prefix. */
  readonly creationTemplates = new Map<string, readonly string[]>();
  /** Account settings, for example `BLOB_MOUNTING`. */
  readonly settings = new Map<string, string>();
  readonly bucket: LayerBucket;
  readonly #contents: Map<string, Content>;

  constructor(
    location: { account: string; region: string; clock: SandboxClock },
    tokens: EcrTokens,
    contents: Map<string, Content>,
  ) {
    this.account = location.account;
    this.region = location.region;
    this.clock = location.clock;
    this.host = `${location.account}.dkr.ecr.${location.region}.amazonaws.com`;
    this.tokens = tokens;
    this.#contents = contents;
    this.bucket = new LayerBucket(location.region, location.clock, contents);
  }

  /** A copy of the current repositories and settings. */
  copy(): EcrRegistry {
    const copy = new EcrRegistry(this, this.tokens, this.#contents);
    for (const [name, repository] of this.repositories) copy.repositories.set(name, repository.copy());
    for (const [prefix, upstream] of this.cacheRules) copy.cacheRules.set(prefix, upstream);
    for (const [prefix, uses] of this.creationTemplates) copy.creationTemplates.set(prefix, uses);
    for (const [name, value] of this.settings) copy.settings.set(name, value);
    return copy;
  }

  addRepository(name: string): EcrRepository {
    const repository = new EcrRepository(name, this.clock.now());
    this.repositories.set(name, repository);
    return repository;
  }

  /** Adds an image as if it was pushed, and creates its repository if necessary. */
  seed(name: string, tag: string, image: ImageSeed = {}): SeededImage {
    const repository = this.repositories.get(name) ?? this.addRepository(name);
    const seeded = buildImage(repository, name, tag, image);
    for (const [digest, content] of repository.blobs) this.#contents.set(digest, content);
    return seeded;
  }
}
