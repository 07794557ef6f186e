import { tmpdir } from 'node:os';
import { setImmediate as tick } from 'node:timers/promises';
import type { Clock } from '../../src/core/clock.ts';
import type { WantedImage } from '../../src/images/wanted.ts';
import type { EngineOptions } from '../../src/mirror/engine.ts';
import type { MirrorOptions, MirrorResult } from '../../src/mirror/engine.ts';
import { Contents } from '../../src/mirror/registry/contents.ts';
import { createRegistryEngine, type RegistryEngine } from '../../src/mirror/registry/engine.ts';
import { createNet } from '../../src/clients/net/index.ts';
import type { ContentCache } from '../../src/clients/registry/cache.ts';
import type { CredentialStore, HostCredential } from '../../src/clients/registry/credentials.ts';
import type { HistoryEntry, MirrorHistory } from '../../src/clients/registry/history.ts';
import type { HostSet } from '../../src/clients/registry/destinations.ts';
import { openRegistries } from '../../src/clients/registry/index.ts';
import { OciServer } from './oci-server.ts';

/** A clock that does not wait, and records the requested waits. */
export class InstantClock implements Clock {
  readonly slept: number[] = [];
  #now = Date.now();

  now(): number {
    return this.#now;
  }

  /** Moves the clock without a sleep. */
  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.slept.push(milliseconds);
    this.#now += milliseconds;
    await tick();
    signal?.throwIfAborted();
  }
}

/** The registry engine between two registries that can be made to misbehave. */
export class EngineWorld {
  readonly source: OciServer;
  readonly target: OciServer;
  readonly clock = new InstantClock();
  readonly net = createNet();
  /** What earlier runs observed. */
  readonly history = new Set<HistoryEntry>();
  /** The hosts that may be on this computer. Undefined allows all. */
  listed: HostSet | undefined;
  identity: HostCredential = { credential: () => Promise.resolve(undefined), hint: 'ask' };
  /** The account's setting for blob mounting. */
  mounting: boolean | undefined = true;
  /** Where a run keeps a temporary file. */
  folder = tmpdir();
  /** Where a run keeps content. */
  cache: () => ContentCache = memoryCache;
  /** For how long images that are looked up are planned together, in milliseconds. Undefined for the default. */
  groupMs: number | undefined;
  credentials: CredentialStore = { find: () => Promise.resolve(undefined) };

  protected constructor(source: OciServer, target: OciServer) {
    this.source = source;
    this.target = target;
  }

  static async start(): Promise<EngineWorld> {
    return new EngineWorld(await OciServer.start(), await OciServer.start());
  }

  async close(): Promise<void> {
    await this.net.close();
    await this.source.close();
    await this.target.close();
  }

  engine(): RegistryEngine {
    const { net, clock, credentials, listed } = this;
    const history: MirrorHistory = {
      has: (entry) => Promise.resolve(this.history.has(entry)),
      add: (added) => Promise.resolve(added.forEach((entry) => this.history.add(entry))),
      remove: (entry) => Promise.resolve(void this.history.delete(entry)),
    };
    const registries = openRegistries({ net, clock, credentials, history, ...(listed && { listed }) });
    const target = registries.own(this.target.host, this.identity, {});
    const contents = new Contents(this.cache());
    return createRegistryEngine({
      clock,
      target,
      sourceOf: (host) => registries.source(host),
      contents,
      history,
      folder: this.folder,
      mounting: () => Promise.resolve(this.mounting),
      ...(this.groupMs !== undefined && { groupMs: this.groupMs }),
    });
  }

  options(more: Partial<EngineOptions> = {}): EngineOptions {
    const signal = new AbortController().signal;
    return { platforms: 'all', concurrency: 4, signal, emit: () => undefined, ...more };
  }

  /** An image of the source, as a desired image. Also creates its repository in the target. */
  wanted(name: string, tag = '1'): WantedImage {
    const repository = `p/${name}`;
    this.target.repository(repository);
    return { source: `${this.source.host}/${name}:${tag}`, repository, tag, wantedBy: ['test'] };
  }

  async copy(names: readonly string[], more: Partial<MirrorOptions> = {}): Promise<readonly MirrorResult[]> {
    return this.engine().copy(
      names.map((name) => this.wanted(name)),
      this.options(more),
    );
  }
}

function memoryCache(): ContentCache {
  const held = new Map<string, Buffer>();
  return {
    get: (digest) => Promise.resolve(held.get(digest)),
    put: (digest, bytes) => Promise.resolve(void held.set(digest, bytes)),
  };
}
