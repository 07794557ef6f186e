import type {
  DockerPort,
  LocalImage,
  Pushed,
  SourceImage,
  TransferOptions,
} from '../../clients/docker/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import {
  chosenPlatforms,
  platformCoverage,
  formatPlatform,
  type Platform,
  serves,
} from '../../core/platform.ts';
import { originOf, type WantedImage } from '../../images/wanted.ts';
import { parseReference } from '../../images/reference.ts';
import { type Credential, type CredentialStore, withLogin } from '../../clients/registry/credentials.ts';
import type { Digest } from '../../clients/registry/digest.ts';
import { type EngineOptions, keepsTag, type MirrorResult, type MirrorTarget } from '../engine.ts';
import { isSame, readTargetImage, type TargetImage } from './target-image.ts';
import { choosePlatform, onePlatform } from './platform.ts';
import type { DockerProgress } from './progress.ts';
import { localName, type TemporaryReferences } from './references.ts';
import { mayUseLocal, wouldOverwrite } from './local-images.ts';
import { layerBytes } from './layer-bytes.ts';

/** Shared by all images of a run. */
export interface CopyContext {
  readonly docker: DockerPort;
  readonly target: MirrorTarget;
  readonly credentials: CredentialStore;
  readonly refuseLocal: (host: string, what: string) => Promise<void>;
  readonly options: EngineOptions;
  readonly progress: DockerProgress;
}

/** The fields of the result that a job sets. */
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

/** The source of an image: at its registry, or only in the local engine. */
interface Source {
  readonly platform: Platform;
  readonly digest?: Digest;
  readonly local?: LocalImage;
  /** Why the local image replaces the one of the registry. */
  readonly failure?: BootstrapError;
}

/** Copies one image through the local engine. */
export class ImageJob {
  readonly #image: WantedImage;
  readonly #name: string;
  readonly #context: CopyContext;
  readonly #references: TemporaryReferences;

  constructor(image: WantedImage, context: CopyContext, references: TemporaryReferences) {
    this.#image = image;
    this.#name = localName(originOf(image));
    this.#context = context;
    this.#references = references;
  }

  /** Pulls only if the digests do not show whether the image in ECR is the same: its layers may be compressed again. */
  async plan(): Promise<CopyResult> {
    const { source, existing } = await this.#lookUp();
    const known = sourceResult(source, this.#context.options);
    if (!existing) return { ...known, state: 'would-copy' };
    const same = existing.digest === source.digest || isSame(existing, await this.#obtain(source));
    return {
      ...known,
      ...comparisonResult(existing, same, this.#keepsTag ? 'kept' : 'would-move'),
    };
  }

  async copy(): Promise<CopyResult> {
    const { source, existing } = await this.#lookUp();
    const known = sourceResult(source, this.#context.options);
    if (existing && existing.digest === source.digest)
      return { ...known, ...comparisonResult(existing, true, 'kept') };
    const local = await this.#obtain(source);
    const same = existing !== undefined && isSame(existing, local);
    if (existing && (same || this.#keepsTag))
      return { ...known, ...comparisonResult(existing, same, 'kept') };
    const failures = await this.#context.options.prepare?.([this.#image]);
    const failure = failures?.get(this.#image.repository);
    if (failure) throw failure;
    const pushed = await this.#push(local, source.platform);
    const confirmed = await this.#confirm(pushed, source.platform);
    return {
      ...known,
      ...layerBytes(confirmed.layers, local.layers, pushed.layers),
      state: existing ? 'moved' : 'copied',
      targetDigest: confirmed.digest,
      ...(existing && { previousDigest: existing.digest }),
    };
  }

  get #keepsTag(): boolean {
    return keepsTag(this.#image, this.#context.options);
  }

  async #lookUp(): Promise<{ source: Source; existing: TargetImage | undefined }> {
    rejectPinned(this.#image);
    const { source: name } = this.#image;
    await this.#context.refuseLocal(parseReference(name).host, `could not mirror ${name}`);
    const source = await this.#find();
    const existing = await readTargetImage(
      this.#context.target,
      this.#image,
      source.platform,
      this.#context.options.signal,
    );
    this.#checkLocal(source, existing);
    return { source, existing };
  }

  /** Notes that the local image is used, or fails if it might overwrite a newer one in ECR. */
  #checkLocal({ failure, local }: Source, existing: TargetImage | undefined): void {
    if (!failure || !local) return;
    if (wouldOverwrite(failure, local, existing)) throw failure;
    this.#context.options.emit({
      type: 'note',
      text: `using the local image ${this.#image.source} of the Docker engine: ${failure.why}`,
    });
  }

  /** Looks in the source's registry, and in the local engine's store if the registry does not provide the image. */
  async #find(): Promise<Source> {
    const { docker, options } = this.#context;
    const wanted = options.platforms;
    let credential: Credential | undefined;
    let found: SourceImage;
    try {
      found = await this.#withLogin((login) => docker.source(this.#name, (credential = login)));
    } catch (error) {
      if (!(error instanceof BootstrapError) || !mayUseLocal(error, this.#image, this.#name, credential))
        throw error;
      const local = await docker.image(this.#name);
      if (!local) throw error;
      const platform = choosePlatform(this.#image.source, wanted, [local.platform]);
      return { platform, local, failure: error };
    }
    const { digest, platforms } = found;
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
    await this.#references.remember(this.#name);
    await this.#withLogin((login) => docker.pull(this.#name, platform, this.#transfer('pull', login)));
    const pulled = await docker.image(this.#name);
    if (pulled && (!platform || serves(platform, pulled.platform))) return pulled;
    throw new BootstrapError({
      code: 'image-platform-missing',
      what: `could not pull ${this.#image.source}${platform ? ` for ${formatPlatform(platform)}` : ''}`,
      why: pulled
        ? `the Docker engine pulled ${formatPlatform(pulled.platform)}`
        : 'the Docker engine does not have the image after the pull',
      hint: 'Choose a platform that the image has with --platform.',
    });
  }

  async #push(local: LocalImage, platform: Platform): Promise<Pushed> {
    const { docker, target } = this.#context;
    const { repository, tag } = this.#image;
    const destination = `${await target.host()}/${repository}`;
    await this.#references.remember(`${destination}:${tag}`);
    await docker.tag(local.id, destination, tag);
    return docker.push(destination, tag, platform, this.#transfer('push', await target.credential()));
  }

  /** Checks that the tag in the registry points to what the engine reports. */
  async #confirm(pushed: Pushed, platform: Platform): Promise<TargetImage> {
    const existing = await readTargetImage(
      this.#context.target,
      this.#image,
      platform,
      this.#context.options.signal,
    );
    if (existing?.digest === pushed.digest) return existing;
    throw new BootstrapError({
      code: 'docker-failed',
      what: `could not push ${this.#image.repository}:${this.#image.tag}`,
      why: `the Docker engine reports ${pushed.digest}, but the registry has ${existing?.digest ?? 'nothing'}`,
      hint: 'Run the same command again. If it still fails, another client writes this tag.',
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

function sourceResult(
  { platform, digest }: Source,
  { platforms }: EngineOptions,
): Pick<CopyResult, 'platforms' | 'missingPlatforms' | 'sourceDigest'> {
  const { missing } = platformCoverage(platforms, [platform]);
  return {
    platforms: [formatPlatform(platform)],
    ...(missing.length > 0 && { missingPlatforms: missing }),
    ...(digest && { sourceDigest: digest }),
  };
}

const comparisonResult = (
  existing: TargetImage,
  same: boolean,
  otherwise: 'kept' | 'would-move',
): Omit<CopyResult, 'platforms'> =>
  same
    ? { state: 'current', targetDigest: existing.digest }
    : { state: otherwise, targetDigest: existing.digest, previousDigest: existing.digest };

/**
 * A runtime pulls a pinned image by its digest, even if the reference also has a tag.
 * @throws BootstrapError `image-unsupported`
 */
function rejectPinned({ source }: WantedImage): void {
  if (parseReference(source).digest === undefined) return;
  throw new BootstrapError({
    code: 'image-unsupported',
    what: `could not mirror ${source} with the Docker engine`,
    why: 'a push by the Docker engine can change the digest, and this image is pinned to its digest',
    hint: 'Use --engine registry, or remove the digest from the reference.',
  });
}
