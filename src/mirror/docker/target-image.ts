import type { LocalImage } from '../../clients/docker/port.ts';
import { bestFor, type Platform } from '../../core/platform.ts';
import type { WantedImage } from '../../images/wanted.ts';
import { type Digest, isDigest } from '../../clients/registry/digest.ts';
import { isPlatform } from '../../clients/registry/manifest.ts';
import type { Target } from '../engine.ts';

/** What a tag in the ECR gives for one platform. */
export interface TargetImage {
  /** Digest that the tag points to: of the manifest, or of the index around it. */
  readonly digest: Digest;
  /** Digest of the platform's manifest. Undefined when an index lacks the platform. */
  readonly manifest?: Digest;
  /** Digest of the image's config: what makes an image the same after its layers were compressed anew. */
  readonly config?: Digest;
  /** Compressed layers, base first. */
  readonly layers: readonly Descriptor[];
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

/** The fields of manifests and indexes that are looked at here, as they came: not validated. */
interface Manifest {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly (Descriptor & { readonly platform?: Platform })[];
}

/** Reads the tag, and behind an index the manifest of `platform`. Undefined when the tag is not there. */
export async function readTargetImage(
  target: Target,
  { repository, tag }: WantedImage,
  platform: Platform,
  signal: AbortSignal,
): Promise<TargetImage | undefined> {
  const top = await target.manifest(repository, tag, signal);
  if (!top) return undefined;
  const { manifests, ...single } = parse(top.bytes);
  if (!manifests) return describe(top.digest, top.digest, single);
  const [child] = bestFor(
    platform,
    manifests.filter(({ platform: own }) => isPlatform(own)),
  );
  const held = isDigest(child?.digest) && (await target.manifest(repository, child.digest, signal));
  return held ? describe(top.digest, held.digest, parse(held.bytes)) : { digest: top.digest, layers: [] };
}

/** The engine's id of an image is the digest of one of these, by the kind of its store. */
export const isSame = (held: TargetImage, local: LocalImage): boolean =>
  held.config === local.id || held.manifest === local.id || held.digest === local.id;

const parse = (bytes: Buffer): Manifest => JSON.parse(bytes.toString('utf8')) as Manifest;

const describe = (digest: Digest, manifest: Digest, { config, layers }: Manifest): TargetImage => ({
  digest,
  manifest,
  ...(isDigest(config?.digest) && { config: config.digest }),
  layers: layers ?? [],
});
