import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { MirrorResult } from '../../src/mirror/engine.ts';
import { makeImage, sha256, type Blob, type TestImage } from './images.ts';
import { OciServer, type Misbehavior, type RecordedRequest } from './oci-server.ts';
import { EngineWorld } from './registry-engine.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const size = 1_800_000;

/** Two images between two registries. Faults affect `corrupted`; `good` must be copied in spite of them. */
export class FaultWorld extends EngineWorld {
  readonly corrupted = makeImage(amd64, [randomBytes(size)]);
  readonly good = makeImage(amd64, ['good']);

  static override async start(): Promise<FaultWorld> {
    const world = new FaultWorld(await OciServer.start(), await OciServer.start());
    world.source.put('corrupted', '1', [world.corrupted]);
    world.source.put('good', '1', [world.good]);
    return world;
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
    this.source.misbehavior = this.target.misbehavior = () => undefined;
    const [again, still] = await this.copy(['corrupted', 'good']);
    expect([again?.error?.message ?? again?.state, still?.state]).toEqual(['copied', 'current']);
    expect(missingContent(this.target)).toEqual([]);
    return failed as MirrorResult;
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
