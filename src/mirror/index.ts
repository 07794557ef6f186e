import { join } from 'node:path';
import type { EcrPort } from '../clients/aws/port.ts';
import type { BootstrapError } from '../core/errors.ts';
import type { Platforms } from '../core/platform.ts';
import type { Clock } from '../core/clock.ts';
import type { Net } from '../clients/net/index.ts';
import { onceFulfilled } from '../core/once.ts';
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
import type { Engine, EngineOptions, MirrorOptions, MirrorResult, Target } from './engine.ts';
import { markPlatforms } from './platform-marks.ts';
import { type Presence, presenceOf } from './presence.ts';
import { Contents } from './registry/contents.ts';
import { createRegistryEngine } from './registry/engine.ts';
import { ecrIdentity, ecrTarget } from './target.ts';
import { unavailableOf } from './unavailable.ts';

/** Repositories must exist before {@link Mirror.copy}, or be made by `prepare`. Failures are per image, in the results. */
export interface Mirror {
  /** Asks only the ECR. */
  presence(images: readonly WantedImage[], platforms: Platforms): Promise<readonly Presence[]>;
  /**
   * Asks the sources, within seconds, for images that the ECR does not have: those that a source says it does not have, or
   * refuses. A source that gives no clear answer in time says nothing about its images.
   */
  unavailable(
    images: readonly WantedImage[],
    options: Pick<MirrorOptions, 'engine' | 'signal'>,
  ): Promise<ReadonlyMap<WantedImage, BootstrapError>>;
  /** Resolves every source and tells what a copy would do. */
  plan(images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]>;
  copy(images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]>;
}

export interface MirrorOptionsOfRun {
  readonly ecr: EcrPort;
  readonly net: Net;
  readonly clock: Clock;
  /** Read for the Docker configuration, credential helpers and the cache's folder. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Hosts that may be spoken to without TLS, besides listed ones on this computer. */
  readonly insecure?: readonly string[];
  /** Hosts of the configuration. Others, unless an image is named by hand, must not lead to this computer. */
  readonly listed?: readonly string[];
  /** Loads the Docker engine. @throws BootstrapError `docker-unreachable` */
  readonly docker: (parts: DockerParts) => Promise<Engine>;
}

/** What a Docker engine gets from the mirror. */
export interface DockerParts {
  readonly target: Target;
  /** Logins to the sources. */
  readonly credentials: CredentialStore;
  readonly refuseLocal: Registries['refuseLocal'];
}

/** ECR's documented defaults, which the limiter starts with. Requests per second and region. */
const ecrRates = { 'put-manifest': 10, 'start-upload': 100, 'finish-upload': 100 };

/** The mirror: looks up what the ECR has, and brings what it has not. Nothing is opened before it is used. */
export function createMirror(deps: MirrorOptionsOfRun): Mirror {
  const open = onceFulfilled(() => openMirror(deps));
  const act =
    (what: 'plan' | 'copy') =>
    async (images: readonly WantedImage[], options: MirrorOptions): Promise<readonly MirrorResult[]> => {
      if (images.length === 0) return [];
      const { registry, docker, target, listed } = await open();
      for (const { byHand, source } of images) if (byHand) listed.add(parseReference(source).host);
      const { engine, ...rest } = options;
      const run = async (chosen: Engine, some: readonly WantedImage[], how: EngineOptions) => {
        const results = await chosen[what](some, how);
        if (what === 'copy') await markPlatforms(results, target, how);
        return results;
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
      return unavailableOf(images, options, registry, docker);
    },
    plan: act('plan'),
    copy: act('copy'),
  };
}

interface Opened {
  readonly registry: Engine;
  readonly target: Registry;
  readonly docker: () => Promise<Engine>;
  readonly listed: HostSet;
  readonly presence: Mirror['presence'];
}

async function openMirror(deps: MirrorOptionsOfRun): Promise<Opened> {
  const { ecr, net, clock, env, insecure = [] } = deps;
  const listed = new HostSet([...insecure, ...(deps.listed ?? [])]);
  const host = await ecr.registryHost();
  const credentials = dockerConfigCredentials(env);
  const folder = cacheFolder(env);
  const history = historyFile(join(folder, 'history'));
  const registries = openRegistries({ net, clock, credentials, history, insecure, listed });
  const identity = ecrIdentity(ecr, clock);
  const target = registries.own(host, identity, ecrRates);
  const contents = new Contents(diskCache(contentFolder(folder)));
  const sourceOf = (source: string) => registries.source(source);
  const { refuseLocal } = registries;
  const parts = { clock, target, sourceOf, contents, history, mounting: () => ecr.blobMounting() };
  return {
    registry: createRegistryEngine(parts),
    target,
    docker: onceFulfilled(() =>
      deps.docker({ target: ecrTarget(target, identity), credentials, refuseLocal }),
    ),
    listed,
    presence: (images, platforms) => presenceOf(images, platforms, { ecr, registry: target, contents }),
  };
}
