import type {
  DockerPort,
  LocalImage,
  Pushed,
  SourceImage,
  TransferOptions,
} from '../../clients/docker/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { chosenPlatforms, coverage, formatPlatform, type Platform, serves } from '../../core/platform.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { parseReference } from '../../images/reference.ts';
import { type Credential, type CredentialStore, withLogin } from '../../clients/registry/credentials.ts';
import type { Digest } from '../../clients/registry/digest.ts';
import type { EngineOptions, Target } from '../engine.ts';
import type { MirrorResult } from '../engine.ts';
import { type TargetImage, isSame, readTargetImage } from './target-image.ts';
import { choosePlatform, onePlatform } from './platform.ts';
import type { DockerProgress } from './progress.ts';
import { type BorrowedReferences, localName } from './references.ts';
import { mayUseLocal, wouldOverwrite } from './local-images.ts';
import { layerBytes } from './layer-bytes.ts';

/** What all images of a run share. */
export interface CopyContext {
  readonly docker: DockerPort;
  readonly target: Target;
  readonly credentials: CredentialStore;
  readonly refuseLocal: (host: string, what: string) => Promise<void>;
  readonly options: EngineOptions;
  readonly progress: DockerProgress;
}

/** The part of a result that a job finds out. */
export type CopyResult = Pick<MirrorResult, 'state' | 'platforms'> &
  Partial<
    Pick<
      MirrorResult,
      | 'missingPlatforms'
      | 'sourceDigest'
      | 'targetDigest'
      | 'previousDigest'
      | 'bytesSent'
      | 'bytesMounted'
      | 'bytesSkipped'
    >
  >;

/** The source of one image: at its registry, or only in the local engine. */
interface Source {
  readonly platform: Platform;
  readonly digest?: Digest;
  readonly local?: LocalImage;
  /** Why the local image stands in for the registry's. */
  readonly failure?: BootstrapError;
}

/** One image on its way through the local engine. */
export class ImageJob {
  readonly #image: WantedImage;
  readonly #name: string;
  readonly #context: CopyContext;
  readonly #borrowed: BorrowedReferences;

  constructor(image: WantedImage, context: CopyContext, borrowed: BorrowedReferences) {
    this.#image = image;
    this.#name = localName(image.source);
    this.#context = context;
    this.#borrowed = borrowed;
  }

  /** Pulls only when nothing less tells whether the ECR's image is the same: its layers may be compressed anew. */
  async plan(): Promise<CopyResult> {
    const { source, held } = await this.#look();
    const known = describe(source, this.#context.options);
    if (!held) return { ...known, state: 'would-copy' };
    const same = held.digest === source.digest || isSame(held, await this.#obtain(source));
    return { ...known, ...compared(held, same, this.#context.options.noClobber ? 'kept' : 'would-move') };
  }

  async copy(): Promise<CopyResult> {
    const { source, held } = await this.#look();
    const known = describe(source, this.#context.options);
    if (held && held.digest === source.digest) return { ...known, ...compared(held, true, 'kept') };
    const local = await this.#obtain(source);
    const same = held !== undefined && isSame(held, local);
    if (held && (same || this.#context.options.noClobber))
      return { ...known, ...compared(held, same, 'kept') };
    const failures = await this.#context.options.prepare?.([this.#image]);
    const refused = failures?.get(this.#image.repository);
    if (refused) throw refused;
    const pushed = await this.#push(local, source.platform);
    const confirmed = await this.#confirm(pushed, source.platform);
    return {
      ...known,
      ...layerBytes(confirmed.layers, local.layers, pushed.layers),
      state: held ? 'moved' : 'copied',
      targetDigest: confirmed.digest,
      ...(held && { previousDigest: held.digest }),
    };
  }

  async #look(): Promise<{ source: Source; held: TargetImage | undefined }> {
    refusePinned(this.#image);
    const { source: name } = this.#image;
    await this.#context.refuseLocal(parseReference(name).host, `mirror ${name}`);
    const source = await this.#find();
    const held = await readTargetImage(
      this.#context.target,
      this.#image,
      source.platform,
      this.#context.options.signal,
    );
    this.#settle(source, held);
    return { source, held };
  }

  /** What only the local engine has is taken from there, and said so, unless it might overwrite something newer. */
  #settle({ failure, local }: Source, held: TargetImage | undefined): void {
    if (!failure || !local) return;
    if (wouldOverwrite(failure, local, held)) throw failure;
    this.#context.options.emit({
      type: 'note',
      text: `${this.#image.source}: taken from the Docker engine as it is there (${failure.why})`,
    });
  }

  /** Asks the source's registry, and the local engine's own store where that does not tell. */
  async #find(): Promise<Source> {
    const { docker, options } = this.#context;
    const wanted = options.platforms;
    let credential: Credential | undefined;
    let answer: SourceImage;
    try {
      answer = await this.#withLogin((login) => docker.source(this.#name, (credential = login)));
    } catch (error) {
      if (!(error instanceof BootstrapError) || !mayUseLocal(error, this.#image, this.#name, credential))
        throw error;
      const local = await docker.image(this.#name);
      if (!local) throw error;
      const platform = choosePlatform(this.#image.source, wanted, [local.platform]);
      return { platform, local, failure: error };
    }
    const { digest, platforms } = answer;
    if (platforms) return { platform: choosePlatform(this.#image.source, wanted, platforms), digest };
    if (wanted !== 'all')
      return { platform: onePlatform(this.#image.source, chosenPlatforms(wanted)), digest };
    const local = await this.#pull(undefined);
    return { platform: local.platform, digest, local };
  }

  async #obtain({ local, platform }: Source): Promise<LocalImage> {
    return local ?? this.#pull(platform);
  }

  async #pull(platform: Platform | undefined): Promise<LocalImage> {
    const { docker } = this.#context;
    await this.#borrowed.borrow(this.#name);
    await this.#withLogin((login) => docker.pull(this.#name, platform, this.#transfer('pull', login)));
    const pulled = await docker.image(this.#name);
    if (pulled && (!platform || serves(platform, pulled.platform))) return pulled;
    throw new BootstrapError({
      code: 'image-platform-missing',
      what: `pull ${this.#image.source}${platform ? ` for ${formatPlatform(platform)}` : ''}`,
      why: pulled
        ? `the engine got ${formatPlatform(pulled.platform)}`
        : 'the engine does not have it after the pull',
      hint: 'Name a platform that the image has with --platform.',
    });
  }

  async #push(local: LocalImage, platform: Platform): Promise<Pushed> {
    const { docker, target } = this.#context;
    const { repository, tag } = this.#image;
    const destination = `${await target.host()}/${repository}`;
    await this.#borrowed.borrow(`${destination}:${tag}`);
    await docker.tag(local.id, destination, tag);
    return docker.push(destination, tag, platform, this.#transfer('push', await target.credential()));
  }

  /** The engine's word is not enough: the registry has to hold under the tag what the engine says that it sent. */
  async #confirm(pushed: Pushed, platform: Platform): Promise<TargetImage> {
    const held = await readTargetImage(
      this.#context.target,
      this.#image,
      platform,
      this.#context.options.signal,
    );
    if (held?.digest === pushed.digest) return held;
    throw new BootstrapError({
      code: 'docker-failed',
      what: `push ${this.#image.repository}:${this.#image.tag}`,
      why: `the engine reports ${pushed.digest}, and the registry holds ${held?.digest ?? 'nothing'}`,
      hint: 'Run the same command again; if it stays so, something else writes this tag.',
    });
  }

  #withLogin<T>(attempt: (login: Credential | undefined) => Promise<T>): Promise<T> {
    return withLogin(this.#context.credentials, this.#name.slice(0, this.#name.indexOf('/')), attempt);
  }

  #transfer(phase: 'pull' | 'push', credential: Credential | undefined): TransferOptions {
    const { progress, options } = this.#context;
    return {
      credential,
      signal: options.signal,
      onProgress: (transferred) => progress.report(this.#image.source, phase, transferred),
    };
  }
}

function describe(
  { platform, digest }: Source,
  { platforms }: EngineOptions,
): Pick<CopyResult, 'platforms' | 'missingPlatforms' | 'sourceDigest'> {
  const { missing } = coverage(platforms, [platform]);
  return {
    platforms: [formatPlatform(platform)],
    ...(missing.length > 0 && { missingPlatforms: missing }),
    ...(digest && { sourceDigest: digest }),
  };
}

const compared = (
  held: TargetImage,
  same: boolean,
  otherwise: 'kept' | 'would-move',
): Omit<CopyResult, 'platforms'> =>
  same
    ? { state: 'current', targetDigest: held.digest }
    : { state: otherwise, targetDigest: held.digest, previousDigest: held.digest };

/**
 * A runtime pulls a pinned image by its digest, with or without a tag beside it.
 * @throws BootstrapError `image-unsupported`
 */
function refusePinned({ source }: WantedImage): void {
  if (parseReference(source).digest === undefined) return;
  throw new BootstrapError({
    code: 'image-unsupported',
    what: `mirror ${source} with the docker engine`,
    why: 'a push by that engine can change the digest, and this image is wanted by its digest',
    hint: 'Use --engine registry, or name the image by a tag alone.',
  });
}
