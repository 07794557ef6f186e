import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { EngineOptions, MirrorResult } from '../../src/mirror/engine.ts';
import { createLayoutMirror } from '../../src/mirror/index.ts';
import { Layout } from '../../src/mirror/layout/layout.ts';
import { makeImage, sha256, type Blob, type TestImage } from './images.ts';
import { expectValidLayout } from './layout.ts';
import { OciServer, type Misbehavior, type RecordedRequest } from './oci-server.ts';
import { EngineWorld } from './registry-engine.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const size = 1_800_000;

/**
 * Two images, copied between two registries, and from the first one to a folder. Faults affect `corrupted`; `good` must
 * be copied in spite of them.
 */
export class FaultWorld extends EngineWorld {
  readonly #folder = mkdtempSync(join(tmpdir(), 'fault-'));
  /** What a registry without faults does. */
  readonly #behavior = this.target.misbehavior;
  readonly corrupted = makeImage(amd64, [randomBytes(size)]);
  readonly good = makeImage(amd64, ['good']);

  static override async start(): Promise<FaultWorld> {
    const world = new FaultWorld(await OciServer.start(), await OciServer.start());
    world.source.put('corrupted', '1', [world.corrupted]);
    world.source.put('good', '1', [world.good]);
    return world;
  }

  override async close(): Promise<void> {
    await super.close();
    rmSync(this.#folder, { recursive: true });
  }

  /** The only layer of `corrupted`. */
  get layer(): Blob {
    const [first] = this.corrupted.layers;
    if (!first) throw new Error('the image has a layer');
    return first;
  }

  /** Applies a fault to the first `times` requests of one kind for the layer or the manifest of `corrupted`. */
  corrupt(server: OciServer, kind: string, misbehavior: Misbehavior, times = Infinity): void {
    let count = 0;
    server.misbehavior = (request) => {
      const concerns = request.kind === kind && this.#concerns(request);
      return concerns && (count += 1) <= times ? misbehavior : undefined;
    };
  }

  #concerns({ kind, repository, reference, headers }: RecordedRequest): boolean {
    if (!/^(p\/)?corrupted$/.test(repository)) return false;
    if (kind === 'PUT uploads') return Number(headers['content-length']) === this.layer.bytes.length;
    return !kind.endsWith('blobs') || reference === this.layer.digest;
  }

  /** The manifest that an image's tag points to in the target. */
  tagged(name: string): Blob | undefined {
    return this.target.repository(`p/${name}`).manifests.get('1');
  }

  /**
   * Expects that `corrupted` fails with this code and gets no tag, and that `good` is copied. Then expects that a
   * second run without faults copies `corrupted`.
   */
  async failsAlone(code: string): Promise<MirrorResult> {
    const [failed, good] = await this.copy(['corrupted', 'good']);
    expectFailure(failed, code, '/corrupted');
    expect(this.tagged('corrupted')).toBeUndefined();
    expect(good?.state).toBe('copied');
    expect(missingContent(this.target)).toEqual([]);
    await this.failsInLayout(failed, ['corrupted']);
    this.source.misbehavior = this.target.misbehavior = this.#behavior;
    await this.succeedsInLayout(['corrupted']);
    const [again, still] = await this.copy(['corrupted', 'good']);
    expect([again?.error?.message ?? again?.state, still?.state]).toEqual(['copied', 'current']);
    expect(missingContent(this.target)).toEqual([]);
    return failed as MirrorResult;
  }

  /**
   * Copies to a folder. If the fault is not in ECR, expects that these images fail there for the same reason, and that
   * `good` is copied.
   */
  async failsInLayout(
    inEcr: MirrorResult | undefined,
    names: readonly string[],
    more: Partial<EngineOptions> = {},
  ): Promise<void> {
    if (this.target.misbehavior !== this.#behavior) return;
    const results = await this.copyToLayout([...names, 'good'], more);
    for (const [index, name] of names.entries())
      expectFailure(results[index], inEcr?.error?.code ?? '', name);
    const good = results.at(-1);
    expect(good?.error?.message ?? good?.state).toMatch(/^(copied|current)$/);
  }

  /** Expects that a copy to the folder of {@link failsInLayout} completes it. */
  async succeedsInLayout(names: readonly string[]): Promise<void> {
    const results = await this.copyToLayout(names);
    for (const { error, state } of results) expect(error?.message ?? state).toBe('copied');
  }

  /** Copies to the folder of {@link failsInLayout}, and expects that it is a valid layout. Its requests are not recorded. */
  async copyToLayout(
    names: readonly string[],
    more: Partial<EngineOptions> = {},
  ): Promise<readonly MirrorResult[]> {
    const folder = join(this.#folder, 'images');
    const layout = new Layout(folder, 'oci:images');
    const env = { HOME: this.#folder, XDG_CACHE_HOME: join(this.#folder, 'cache') };
    const { net, clock, source } = this;
    const mirror = createLayoutMirror({ net, clock, env, insecure: [source.host] }, layout);
    const images = names.map((name) => ({ ...this.wanted(name), byHand: true as const }));
    const before = source.requests.length;
    const results = await mirror.copy(images, { ...this.options(more), engine: 'registry' });
    source.requests.splice(before);
    expectValidLayout(folder);
    return results;
  }

  /** Expects an exact copy of `corrupted`. */
  async succeeds(): Promise<MirrorResult> {
    const [result] = await this.copy(['corrupted']);
    expect(result?.error?.message ?? result?.state).toBe('copied');
    expect(this.tagged('corrupted')?.digest).toBe(this.corrupted.manifest.digest);
    expect(missingContent(this.target)).toEqual([]);
    return result as MirrorResult;
  }
}

/** Expects an error that states what failed, why, and how to fix it. */
export function expectFailure(result: MirrorResult | undefined, code: string, about: string): void {
  expect(result?.state).toBe('failed');
  expect(result?.targetDigest).toBeUndefined();
  const { error } = result ?? {};
  expect(error?.code, error?.message).toBe(code);
  expect(error?.what).toContain(about);
  expect(error?.why).toMatch(/\S/);
  expect(error?.hint).toMatch(/\S/);
}

/**
 * The content that the registry's tags need and that is missing. It is empty unless an image is only partly
 * visible.
 */
export function missingContent({ repositories }: OciServer): string[] {
  return [...repositories].flatMap(([name, { manifests, blobs }]) => {
    const missingOf = (reference: string): string[] => {
      const manifest = manifests.get(reference);
      if (!manifest) return [`${name}: manifest ${reference}`];
      const { config, layers = [], manifests: children = [] } = fieldsOf(manifest);
      const lost = [...(config ? [config] : []), ...layers].filter(({ digest }) => !blobs.has(digest));
      const inner = children.flatMap(({ digest }) => missingOf(digest));
      return [...lost.map(({ digest }) => `${name}: blob ${digest}`), ...inner];
    };
    return [...manifests.keys()].flatMap(missingOf);
  });
}

type Reference = { readonly digest: string };
type Fields = {
  readonly config?: Reference;
  readonly layers?: readonly Reference[];
  readonly manifests?: readonly Reference[];
};

const fieldsOf = ({ bytes }: Blob): Fields => JSON.parse(bytes.toString()) as Fields;

/** The same image with another layer, and a manifest that matches it. */
export function withLayer({ manifest, layers, ...rest }: TestImage, layer: Blob): TestImage {
  const [old] = layers;
  const text = manifest.bytes.toString().replace(String(old?.digest), layer.digest);
  const bytes = Buffer.from(text.replace(`"size":${old?.bytes.length}`, `"size":${layer.bytes.length}`));
  return { ...rest, layers: [layer], manifest: { ...manifest, bytes, digest: sha256(bytes) } };
}
