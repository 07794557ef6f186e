import pLimit from 'p-limit';
import { type Clock, stopwatch } from '../../core/clock.ts';
import type { DockerPort } from '../../clients/docker/port.ts';
import { BootstrapError } from '../../core/errors.ts';
import { originOf, type WantedImage } from '../../images/wanted.ts';
import { parseReference } from '../../images/reference.ts';
import { settleAll, toBootstrapError } from '../../core/members.ts';
import { type Credential, type CredentialStore, withLogin } from '../../clients/registry/credentials.ts';
import {
  type Engine,
  type EngineOptions,
  type MirrorResult,
  reportDone,
  type MirrorTarget,
} from '../engine.ts';
import { type CopyContext, type CopyResult, ImageJob } from './copy.ts';
import { DockerProgress } from './progress.ts';
import { localName, TemporaryReferences } from './references.ts';
import { mayUseLocal } from './local-images.ts';

export interface DockerEngineServices {
  /** Connects on first use. */
  docker(): Promise<DockerPort>;
  readonly target: MirrorTarget;
  /** For the sources' registries. */
  readonly credentials: CredentialStore;
  /** The daemon opens its own connections, so sources are checked first. @throws BootstrapError `address-not-allowed` */
  readonly refuseLocal?: (host: string, what: string) => Promise<void>;
  readonly clock: Clock;
}

/** By default the daemon transfers this many layers at once; more images at once would only wait inside it. */
const imagesAtOnce = 3;

type Work = (job: ImageJob) => Promise<CopyResult>;

/** Mirrors through the local Docker engine: pull, tag, push. It removes what it created locally. */
export function createDockerEngine(services: DockerEngineServices): Engine {
  return {
    name: 'docker',
    plan: (images, options) => runAll(services, images, options, (job) => job.plan()),
    copy: (images, options) => runAll(services, images, options, (job) => job.copy()),
    find: (image) => find(image, services),
  };
}

async function find(image: WantedImage, services: DockerEngineServices): Promise<void> {
  const source = originOf(image);
  await services.refuseLocal?.(parseReference(source).host, `could not look up ${source}`);
  const docker = await services.docker();
  const name = localName(source);
  let credential: Credential | undefined;
  try {
    const host = name.slice(0, name.indexOf('/'));
    await withLogin(services.credentials, host, (login) => docker.source(name, (credential = login)));
  } catch (error) {
    const isLocal =
      error instanceof BootstrapError &&
      mayUseLocal(error, image, name, credential) &&
      (await docker.image(name)) !== undefined;
    if (!isLocal) throw error;
  }
}

async function runAll(
  { clock, target, credentials, refuseLocal = () => Promise.resolve(), ...services }: DockerEngineServices,
  images: readonly WantedImage[],
  options: EngineOptions,
  work: Work,
): Promise<readonly MirrorResult[]> {
  const docker = await services.docker();
  await docker.version();
  const progress = new DockerProgress(options.emit);
  const context = { docker, target, credentials, refuseLocal, options, progress };
  const host = await target.host();
  const limit = pLimit(Math.min(imagesAtOnce, options.concurrency));
  // An error that affects all images, for example a stopped engine, is not retried for each image.
  const failed = new AbortController();
  const runs = images.map((image) =>
    limit(async () => {
      options.signal.throwIfAborted();
      failed.signal.throwIfAborted();
      try {
        const result = await runOne(image, host, context, clock, work);
        reportDone(options.emit, result);
        return result;
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    }),
  );
  return settleAll(runs);
}

async function runOne(
  image: WantedImage,
  host: string,
  context: CopyContext,
  clock: Clock,
  work: Work,
): Promise<MirrorResult> {
  const elapsedMs = stopwatch(clock);
  const { options, docker } = context;
  const references = new TemporaryReferences(docker);
  let result: CopyResult | Failure;
  try {
    result = await attempt(image, options, () => work(new ImageJob(image, context, references)));
  } finally {
    await references.restore(options.emit);
  }
  return {
    image,
    target: `${host}/${image.repository}${image.tag.includes(':') ? '@' : ':'}${image.tag}`,
    engine: 'docker',
    bytesSent: 0,
    bytesMounted: 0,
    bytesSkipped: 0,
    // The Docker engine does not report its requests to registries.
    requests: 0,
    ...result,
    seconds: elapsedMs() / 1000,
  };
}

type Failure = Pick<MirrorResult, 'state' | 'platforms' | 'error'>;

/** @throws only errors that all other images would fail with too */
async function attempt(
  { source }: WantedImage,
  { signal }: EngineOptions,
  call: () => Promise<CopyResult>,
): Promise<CopyResult | Failure> {
  try {
    return await call();
  } catch (thrown) {
    signal.throwIfAborted();
    const error = toBootstrapError(thrown, `could not mirror ${source}`);
    if (error.code === 'docker-unreachable') throw error;
    return { state: 'failed', platforms: [], error };
  }
}
