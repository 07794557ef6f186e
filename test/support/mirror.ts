import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ecrName } from '../../src/images/naming.ts';
import type { WantedImage } from '../../src/images/wanted.ts';
import { formatReference, parseReference } from '../../src/images/reference.ts';
import type { Clock } from '../../src/core/clock.ts';
import { BootstrapError } from '../../src/core/errors.ts';
import type { Engine } from '../../src/mirror/engine.ts';
import { createMirror } from '../../src/mirror/index.ts';
import type { Mirror } from '../../src/mirror/index.ts';
import type { MirrorOptions, MirrorResult } from '../../src/mirror/engine.ts';
import { AwsWorld } from './aws.ts';

type EmittedEvent = Parameters<MirrorOptions['emit']>[0];

/** The mirror, with the sandbox's ECR and source registries. */
export class MirrorWorld {
  readonly aws: AwsWorld;
  readonly events: EmittedEvent[] = [];
  readonly #home = mkdtempSync(join(tmpdir(), 'mirror-'));
  docker: () => Promise<Engine> = () => Promise.reject(noDocker());

  private constructor(aws: AwsWorld) {
    this.aws = aws;
  }

  static async start(options?: Parameters<typeof AwsWorld.start>[1]): Promise<MirrorWorld> {
    return new MirrorWorld(await AwsWorld.start({}, options));
  }

  async close(): Promise<void> {
    await this.aws.close();
    rmSync(this.#home, { recursive: true });
  }

  /** The folder with Docker's configuration and the mirror's cache. */
  get home(): string {
    return this.#home;
  }

  /** A new mirror, which knows only the cache on disk. */
  mirror(clock: Clock = this.aws.clock): Mirror {
    const { net } = this.aws;
    return createMirror({
      ecr: this.aws.aws().ecr,
      net,
      clock,
      env: { ...process.env, HOME: this.#home },
      docker: () => this.docker(),
    });
  }

  options(more: Partial<MirrorOptions> = {}): MirrorOptions {
    return {
      engine: 'auto',
      platforms: 'all',
      concurrency: 8,
      signal: new AbortController().signal,
      emit: (event) => this.events.push(event),
      ...more,
    };
  }

  /** Empties the cache on disk. */
  forget(): void {
    rmSync(join(this.#home, '.cache'), { recursive: true, force: true });
  }

  /** Creates the repositories of images and copies the images. @returns the results in order */
  async copy(
    sources: readonly string[],
    more: Partial<MirrorOptions> = {},
  ): Promise<readonly MirrorResult[]> {
    const images = sources.map(wanted);
    this.addRepositories(images);
    return this.mirror().copy(images, this.options(more));
  }

  addRepositories(images: readonly WantedImage[]): void {
    const { registry } = this.aws.sandbox.aws;
    for (const { repository } of images) {
      if (!registry.repositories.has(repository)) registry.addRepository(repository);
    }
  }

  source(host: string) {
    const source = this.aws.sandbox.sources.get(host);
    if (!source) throw new Error(`the sandbox has no ${host}`);
    return source;
  }

  /** The content of a repository in ECR. */
  held(repository: string) {
    const held = this.aws.sandbox.aws.registry.repositories.get(repository);
    if (!held) throw new Error(`the ECR has no ${repository}`);
    return held;
  }

  /** The operations of the registries on both sides since the last call. */
  operations(): string[] {
    const { calls } = this.aws.sandbox.faults;
    const registries = calls
      .splice(0)
      .filter(({ service }) => service === 'registry' || service === 'source');
    return registries.map(({ service, operation }) => `${service} ${operation}`);
  }
}

export function wanted(source: string): WantedImage {
  const reference = parseReference(source);
  const naming = { project: 'myproject', map: {} };
  return { source: formatReference(reference), ...ecrName(reference, naming), wantedBy: ['test'] };
}

/** The number of times that each operation occurred. */
export function countOf(operations: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const operation of operations) counts[operation] = (counts[operation] ?? 0) + 1;
  return counts;
}

export function noDocker(): BootstrapError {
  return new BootstrapError({ code: 'docker-unreachable', what: 'w', why: 'not here', hint: 'h' });
}
