import type { LocalImage } from '../../clients/docker/port.ts';
import { bestFor, type Platform } from '../../core/platform.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { type Digest, isDigest } from '../../clients/registry/digest.ts';
import { isPlatformObject } from '../../clients/registry/manifest.ts';
import type { MirrorTarget } from '../engine.ts';

/** What a tag in ECR points to for one platform. */
export interface TargetImage {
  /** Digest that the tag points to: of the manifest, or of the index around it. */
  readonly digest: Digest;
  /** Digest of the platform's manifest. Undefined when an index lacks the platform. */
  readonly manifest?: Digest;
  /** Digest of the image's config. It identifies an image even after its layers were compressed again. */
  readonly config?: Digest;
  /** Compressed layers, base first. */
  readonly layers: readonly Descriptor[];
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

/** The fields of manifests and indexes that are read here, not validated. */
interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly (Descriptor & { readonly platform?: Platform })[];
}

/** Reads the tag, and the manifest of `platform` behind an index. @returns undefined when there is no such tag */
export async function readTargetImage(
  target: MirrorTarget,
  { repository, tag }: WantedImage,
  platform: Platform,
  signal: AbortSignal,
): Promise<TargetImage | undefined> {
  const top = await target.manifest(repository, tag, signal);
  if (!top) return undefined;
  const { manifests, ...single } = parse(top.bytes);
  if (!manifests) return targetImage(top.digest, top.digest, single);
  const [child] = bestFor(
    platform,
    manifests.filter(({ platform: own }) => isPlatformObject(own)),
  );
  const inner = isDigest(child?.digest) && (await target.manifest(repository, child.digest, signal));
  return inner
    ? targetImage(top.digest, inner.digest, parse(inner.bytes))
    : { digest: top.digest, layers: [] };
}

/** The engine's ID of an image is one of these digests, depending on its store. */
export const isSame = (existing: TargetImage, local: LocalImage): boolean =>
  existing.config === local.id || existing.manifest === local.id || existing.digest === local.id;

const parse = (bytes: Buffer): Manifest => JSON.parse(bytes.toString('utf8')) as Manifest;

const targetImage = (digest: Digest, manifest: Digest, { config, layers }: Manifest): TargetImage => ({
  digest,
  manifest,
  ...(isDigest(config?.digest) && { config: config.digest }),
  layers: layers ?? [],
});
