import { join } from 'node:path';
import type { EcrPort } from '../clients/aws/port.ts';
import { BootstrapError } from '../core/errors.ts';
import type { Platforms } from '../core/platform.ts';
import type { Clock } from '../core/clock.ts';
import type { Net } from '../clients/net/index.ts';
import { once, onceFulfilled } from '../core/once.ts';
import { cacheFolder } from '../core/paths.ts';
import { contentFolder, diskCache } from '../clients/registry/cache.ts';
import type { CredentialStore } from '../clients/registry/credentials.ts';
import { dockerConfigCredentials } from '../clients/registry/docker-config.ts';
import { historyFile } from '../clients/registry/history.ts';
import type { Registry } from '../clients/registry/client.ts';
import { HostSet } from '../clients/registry/destinations.ts';
import { openRegistries, type Registries } from '../clients/registry/index.ts';
import type { WantedImage } from '../images/wanted.ts';
import { parseReference } from '../images/reference.ts';
import { withFallback } from './auto.ts';
import type { Engine, EngineOptions, MirrorOptions, MirrorResult, MirrorTarget } from './engine.ts';
import type { Layout } from './layout/layout.ts';
import { addUntagged, layoutImage, layoutReference, layoutSource, layoutTarget } from './layout/registry.ts';
import { markPlatforms } from './platform-marks.ts';
import { type Presence, presenceOf } from './presence.ts';
import { Pushes } from './pushes.ts';
import { ecrRates } from './rates.ts';
import { Contents } from './registry/contents.ts';
import { createRegistryEngine, type RegistryEngine } from './registry/engine.ts';
import { sizesOf } from './sizes.ts';
import { ecrIdentity, ecrTarget } from './target.ts';
import { unavailableOf } from './unavailable.ts';

/** Copies images to ECR. Their repositories must exist, or `prepare` creates them. Each result has its own error. */
export interface Mirror {
  /** Sends requests only to ECR. */
  presence(images: readonly WantedImage[], platforms: Platforms): Promise<readonly Presence[]>;
  /**
   * Looks up the images that ECR does not have at their sources, within seconds. Returns the images that a source
   * does not have, or for which it rejects the credentials. A source without a definite answer in time adds
   * nothing.
   */
  unavailable(
    images: readonly WantedImage[],
    options: Pick<MirrorOptions, 'engine' | 'signal'>,
  ): Promise<ReadonlyMap<WantedImage, BootstrapError>>;
  /**
   * The bytes that each image adds to a copy of them, within seconds. Blobs of several images count once. The copy does
   * not read again what this reads. Images of the Docker engine have no size, and neither has an image whose source does
   * not report it in time.
   */
  sizes(
    images: readonly WantedImage[],
    options: Pick<MirrorOptions, 'engine' | 'platforms' | 'signal'>,
  ): Promise<ReadonlyMap<WantedImage, number>>;
  /** Resolves all sources and returns what a copy would do. */
  plan(images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]>;
  copy(images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]>;
  /** What copies have pushed so far. */
  readonly pushes: Pick<Pushes, 'repositories' | 'of'>;
}

export interface MirrorServices {
  readonly ecr: EcrPort;
  readonly net: Net;
  readonly clock: Clock;
  /** For the Docker configuration, the credential helpers and the folder of the cache. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Hosts to reach without TLS, in addition to listed ones on this computer. */
  readonly insecure?: readonly string[];
  /**
   * Hosts in the configuration. Other hosts must not lead to this computer, unless the user gave the image for
   * this run.
   */
  readonly listed?: readonly string[];
  /** The layout that takes the place of all sources. */
  readonly from?: Layout | undefined;
  /** Loads the Docker engine. @throws BootstrapError `docker-unreachable` */
  readonly docker: (services: DockerServices) => Promise<Engine>;
}

/** What the Docker engine gets from the mirror. */
export interface DockerServices {
  readonly target: MirrorTarget;
  /** For the registries of the sources. */
  readonly credentials: CredentialStore;
  readonly refuseLocal: Registries['refuseLocal'];
}

/** Looks up what ECR has, and copies what it does not have. Opens connections and files on first use. */
export function createMirror(services: MirrorServices): Mirror {
  const pushes = new Pushes();
  const open = onceFulfilled(() => openMirror(services, pushes));
  const runEngine =
    (action: 'plan' | 'copy') =>
    async (images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]> => {
      if (images.length === 0) return [];
      const { registry, docker, target, listed } = await open();
      addHosts(images, listed);
      const { engine: chosenEngine, ...rest } = withHints(options, services.from);
      // The local Docker engine has images of other sources.
      const engine = services.from ? 'registry' : chosenEngine;
      const run = async (chosen: Engine, some: readonly WantedImage[], how: EngineOptions) => {
        const results = await chosen[action](some, how);
        if (chosen.name === 'docker') addPushes(results, pushes);
        if (action === 'copy') await markPlatforms(results, target, how);
        return services.from ? results.map((result) => withHint(result, services.from)) : results;
      };
      if (engine === 'registry') return run(registry, images, rest);
      if (engine === 'docker') return run(await docker(), images, rest);
      return withFallback(registry, docker, run, images, rest);
    };
  return {
    presence: async (images, platforms) => {
      const { presence } = await open();
      return presence(images, platforms);
    },
    unavailable: async (images, options) => {
      const { registry, docker } = await open();
      const engine = services.from ? 'registry' : options.engine;
      return unavailableOf(images, { ...options, engine }, registry, docker);
    },
    sizes: async (images, options) => {
      if (options.engine === 'docker' || images.length === 0) return new Map();
      const { registry } = await open();
      return sizesOf(images, options, registry);
    },
    plan: runEngine('plan'),
    copy: runEngine('copy'),
    pushes,
  };
}

/** The Docker engine sends manifests by itself. */
function addPushes(results: readonly MirrorResult[], pushes: Pushes): void {
  for (const { image, state, targetDigest } of results) {
    if (/^(copied|moved)$/.test(state) && targetDigest) pushes.add(image.repository, image.tag, targetDigest);
  }
}

/** Content of a layout that is wrong stays wrong in another run, unlike that of a registry. */
function withHint<T extends { readonly error?: BootstrapError }>(one: T, from: Layout | undefined): T {
  if (!from || one.error?.code !== 'image-corrupt') return one;
  const { code, what, why } = one.error;
  return { ...one, error: new BootstrapError({ code, what, why, hint: from.hint }, { cause: one.error }) };
}

const withHints = (options: MirrorOptions, from: Layout | undefined): MirrorOptions => ({
  ...options,
  emit: (event) => options.emit(event.type === 'image-done' ? withHint(event, from) : event),
});

/** Copies images to a layout. It sends no request to AWS. */
export function createLayoutMirror(
  services: Pick<MirrorServices, 'net' | 'clock' | 'env' | 'insecure' | 'listed'>,
  to: Layout,
): Pick<Mirror, 'plan' | 'copy'> {
  const open = once(() => {
    const { clock } = services;
    const { contents, folder, listed, registries } = openSources(services);
    const engine = createRegistryEngine({
      clock,
      target: layoutTarget(to, clock),
      sourceOf: (host) => registries.source(host),
      contents,
      folder,
      history: {
        has: () => Promise.resolve(false),
        add: () => Promise.resolve(),
        remove: () => Promise.resolve(),
      },
      // A blob that is in the layout is in all its repositories.
      mounting: () => Promise.resolve(true),
    });
    return { engine, listed };
  });
  const runEngine =
    (action: 'plan' | 'copy') =>
    async (images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]> => {
      const { engine, listed } = open();
      addHosts(images, listed);
      if (action === 'copy') await to.prepare();
      const results = await engine[action](images.map(layoutImage), options);
      if (action === 'copy') {
        for (const { image, error } of results) if (!error) await addUntagged(to, image);
      }
      return results.map((result) => ({ ...result, target: layoutReference(to, result.image) }));
    };
  return { plan: runEngine('plan'), copy: runEngine('copy') };
}

/** Adds the registries of the images that the user named. */
function addHosts(images: readonly WantedImage[], listed: HostSet): void {
  for (const { byHand, source } of images) if (byHand) listed.add(parseReference(source).host);
}

/** What reads the sources. */
function openSources({
  net,
  clock,
  env,
  insecure = [],
  ...services
}: Omit<MirrorServices, 'ecr' | 'docker'>) {
  const listed = new HostSet([...insecure, ...(services.listed ?? [])]);
  const folder = cacheFolder(env);
  const credentials = dockerConfigCredentials(env);
  const history = historyFile(join(folder, 'history'));
  const registries = openRegistries({ net, clock, credentials, history, insecure, listed });
  const contents = new Contents(diskCache(contentFolder(folder)));
  return { folder, listed, credentials, history, registries, contents };
}

interface OpenMirror {
  readonly registry: RegistryEngine;
  readonly target: Registry;
  readonly docker: () => Promise<Engine>;
  readonly listed: HostSet;
  readonly presence: Mirror['presence'];
}

async function openMirror(services: MirrorServices, pushes: Pushes): Promise<OpenMirror> {
  const { ecr, clock, from } = services;
  const host = await ecr.registryHost();
  const { contents, credentials, folder, history, listed, registries } = openSources(services);
  const identity = ecrIdentity(ecr, clock);
  const target = registries.own(host, identity, ecrRates, pushes.add);
  const sourceOf = from ? layoutSource(from, clock) : (source: string) => registries.source(source);
  const { refuseLocal } = registries;
  const mounting = () => ecr.blobMounting();
  const parts = { clock, target, sourceOf, contents, history, folder, mounting };
  return {
    registry: createRegistryEngine(parts),
    target,
    docker: onceFulfilled(() =>
      services.docker({ target: ecrTarget(target, identity), credentials, refuseLocal }),
    ),
    listed,
    presence: (images, platforms) => presenceOf(images, platforms, { ecr, registry: target, contents }),
  };
}
