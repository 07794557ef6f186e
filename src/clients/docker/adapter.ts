import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { BootstrapError } from '../../core/errors.ts';
import { formatPlatform, type Platform } from '../../core/platform.ts';
import type { Credential } from '../registry/credentials.ts';
import { type Digest, isDigest } from '../registry/digest.ts';
import type { EngineAddress } from './address.ts';
import { connectionOptions } from './connection.ts';
import { dockerError, type DockerCall } from './errors.ts';
import type { DockerPort, LayerResult, LocalImage, Pushed, SourceImage, TransferOptions } from './port.ts';
import { layerResultOf, LayerProgress } from './progress.ts';
import { Secret } from '../../core/secret.ts';
import { readRecords, type StreamRecord } from './stream.ts';

/** Timeout of the request for the engine's version. In milliseconds. */
const responseTimeoutMs = 10_000;

/** A port to the engine at `address`. Connects with the first call. */
export function createDocker(address: EngineAddress): DockerPort {
  return new DockerodeAdapter(address);
}

class DockerodeAdapter implements DockerPort {
  readonly address: string;
  readonly #docker: Docker;

  constructor(address: EngineAddress) {
    this.address = `${address.url} (${address.origin})`;
    this.#docker = new Docker(connectionOptions(address));
  }

  async version(): Promise<string> {
    const abortSignal = AbortSignal.timeout(responseTimeoutMs);
    const what = `connect to the Docker engine at ${this.address}`;
    // The declared type has no options, but the library accepts them.
    const ask = this.#docker.version.bind(this.#docker) as (options: object) => Promise<{ Version: string }>;
    return this.#attempt({ what }, async () => {
      try {
        return (await ask({ abortSignal })).Version;
      } catch (error) {
        throw abortSignal.aborted ? abortSignal.reason : error;
      }
    });
  }

  async image(reference: string): Promise<LocalImage | undefined> {
    return this.#attempt({ what: `inspect ${reference}` }, async () => {
      const found = await orAbsent(this.#docker.getImage(reference).inspect());
      return found && localImage(found, reference);
    });
  }

  async source(reference: string, credential: Credential | undefined): Promise<SourceImage> {
    const registry = registryOf(reference);
    return this.#attempt({ what: `look up ${reference}`, registry }, async () => {
      const image = this.#docker.getImage(reference);
      const found = await image.distribution(authentication(registry, credential));
      // BuildKit's indexes list attestations as images for `unknown/unknown`.
      const reported = found.Platforms as typeof found.Platforms | null;
      const platforms = reported?.map(platformOf).filter(({ os }) => os !== 'unknown');
      return {
        digest: digestFrom(found.Descriptor.digest, `look up ${reference}`),
        ...(platforms && { platforms }),
      };
    });
  }

  async pull(reference: string, platform: Platform | undefined, options: TransferOptions): Promise<void> {
    const registry = registryOf(reference);
    const what = `pull ${reference}${platform ? ` for ${formatPlatform(platform)}` : ''}`;
    await this.#transfer({ what, registry }, options.signal, async () => {
      const stream = await this.#docker.createImage({
        fromImage: reference,
        ...(platform && { platform: formatPlatform(platform) }),
        abortSignal: options.signal,
        ...authentication(registry, options.credential),
      });
      let succeeded = false;
      for await (const { status } of follow(stream, 'Downloading', options)) {
        succeeded ||= status?.startsWith('Status: ') ?? false;
      }
      if (!succeeded) throw incomplete(what);
    });
  }

  async tag(image: string, repository: string, tag: string): Promise<void> {
    await this.#attempt({ what: `tag ${image} as ${repository}:${tag}` }, () =>
      this.#docker.getImage(image).tag({ repo: repository, tag }),
    );
  }

  async push(repository: string, tag: string, platform: Platform, options: TransferOptions): Promise<Pushed> {
    const registry = registryOf(repository);
    const what = `push ${repository}:${tag}`;
    return this.#transfer({ what, registry }, options.signal, async () => {
      const query = { tag, platform: JSON.stringify(platform), abortSignal: options.signal };
      const stream = await this.#docker
        .getImage(repository)
        .push({ ...query, ...authentication(registry, options.credential) });
      const layers = new Map<string, LayerResult>();
      let digest: Digest | undefined;
      for await (const record of follow(stream, 'Pushing', options)) {
        const fate = record.status && layerResultOf(record.status);
        if (record.id && fate) layers.set(record.id, fate);
        digest = pushedDigest(record, what) ?? digest;
      }
      if (!digest) throw incomplete(what);
      return { digest, layers };
    });
  }

  async remove(reference: string): Promise<void> {
    await this.#attempt({ what: `remove ${reference} from the Docker engine` }, () =>
      orAbsent(this.#docker.getImage(reference).remove()),
    );
  }

  async #transfer<T>(
    attempt: Omit<DockerCall, 'address'>,
    signal: AbortSignal,
    call: () => Promise<T>,
  ): Promise<T> {
    try {
      signal.throwIfAborted();
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      throw dockerError(error, { ...attempt, address: this.address });
    }
  }

  async #attempt<T>(attempt: Omit<DockerCall, 'address'>, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw dockerError(error, { ...attempt, address: this.address });
    }
  }
}

/** Yields the records and reports progress. */
async function* follow(
  stream: NodeJS.ReadableStream,
  phase: 'Downloading' | 'Pushing',
  { onProgress }: Pick<TransferOptions, 'onProgress'>,
): AsyncGenerator<StreamRecord> {
  const progress = new LayerProgress(phase);
  for await (const record of readRecords(Readable.from(stream))) {
    const transferred = progress.add(record);
    if (transferred) onProgress(transferred);
    yield record;
  }
}

/** Engines report a missing variant as an empty text, or omit it. */
function platformOf(from: { os: string; architecture: string; variant?: string | undefined }): Platform {
  const { os, architecture, variant } = from;
  return { os, architecture, ...(variant && { variant }) };
}

/** The host of a normalized reference. */
const registryOf = (reference: string): string => reference.slice(0, reference.indexOf('/'));

/** The name under which Docker Hub's credentials are stored. */
const dockerHub = { host: 'docker.io', server: 'https://index.docker.io/v1/' };

/** The library sends this as X-Registry-Auth, JSON in base64url. The engine silently ignores any other format. */
function authentication(
  registry: string,
  credential: Credential | undefined,
): { authconfig?: Docker.AuthConfig } {
  if (!credential) return {};
  const serveraddress = registry === dockerHub.host ? dockerHub.server : registry;
  const { username, password, isIdentityToken, isRegistryToken } = credential;
  const secret = password.reveal();
  const login = isRegistryToken
    ? { registrytoken: secret }
    : { username, [isIdentityToken ? 'identitytoken' : 'password']: secret };
  const authconfig = { ...login, serveraddress };
  // The engine may repeat the header in an error.
  new Secret(Buffer.from(JSON.stringify(authconfig)).toString('base64url'));
  return { authconfig };
}

function localImage(found: Docker.ImageInspectInfo, reference: string): LocalImage {
  const what = `inspect ${reference}`;
  const { Variant } = found as { Variant?: string };
  return {
    id: digestFrom(found.Id, what),
    platform: platformOf({ os: found.Os, architecture: found.Architecture, variant: Variant }),
    layers: (found.RootFS.Layers ?? []).map((layer) => digestFrom(layer, what)),
    digests: found.RepoDigests.map((name) => digestFrom(name.slice(name.indexOf('@') + 1), what)),
  };
}

/** The graph-driver store reports the digest in `aux`; the containerd store reports it only in its last status. */
function pushedDigest({ aux, status }: StreamRecord, what: string): Digest | undefined {
  const text = aux?.Digest ?? /: digest: (\S+) size: \d+$/.exec(status ?? '')?.[1];
  return text === undefined ? undefined : digestFrom(text, what);
}

/** Validates a digest: the engine passes on texts of registries, and digests become part of the engine's URLs. */
function digestFrom(text: unknown, what: string): Digest {
  if (isDigest(text)) return text;
  throw new BootstrapError({
    code: 'docker-failed',
    what: `could not ${what}`,
    why: `the Docker engine reported an invalid digest: ${JSON.stringify(text ?? null).slice(0, 80)}`,
    hint: 'Copy the image without the Docker engine: --engine registry',
  });
}

function incomplete(what: string): BootstrapError {
  return new BootstrapError({
    code: 'docker-failed',
    what: `could not ${what}`,
    why: 'the engine ended the transfer without reporting success',
    hint: 'Run the same command again.',
  });
}

/** Returns undefined if the engine does not have the object. */
async function orAbsent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}
