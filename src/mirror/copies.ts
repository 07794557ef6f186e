import { wantedReference } from '../images/wanted.ts';
import type { WantedImage } from '../images/wanted.ts';
import type { MirrorOptions, MirrorResult } from './engine.ts';
import type { Presence } from './presence.ts';
import type { Change } from '../core/step.ts';
import type { Finding } from '../core/findings.ts';
import type { MirrorContext, MirrorRun } from './context.ts';
import { finding } from '../core/findings.ts';

const imageKind = 'image';
export const imageTarget = (image: WantedImage) => ({ kind: imageKind, name: image.source });

/** What ECR has of these images; asks no source. */
export async function observePresence(
  images: readonly WantedImage[],
  ctx: MirrorContext,
): Promise<readonly Presence[]> {
  return ctx.mirror.presence(images, await ctx.platforms());
}

/** One change for each image that ECR does not have, or not for all wanted platforms. */
export function copiesOf(presence: readonly Presence[]): Change[] {
  return presence.flatMap(({ image, digest, missingPlatforms, error }): Change[] => {
    if (error) return [];
    const target = imageTarget(image);
    if (digest === undefined)
      return [{ action: 'create', target, fields: [], reason: `as ${ecrName(image)}` }];
    if (missingPlatforms.length === 0) return [];
    return [{ action: 'update', target, fields: [{ path: 'platforms', to: missingPlatforms }] }];
  });
}

/** Copies the images that these changes name. One result for each of them, in their order. */
export async function copy(
  changes: readonly Change[],
  presence: readonly Presence[],
  { ctx, signal, emit }: MirrorRun,
  prepare: MirrorOptions['prepare'] & {},
): Promise<{ change: Change; result: MirrorResult }[]> {
  const images = new Map(presence.map(({ image }) => [image.source, image]));
  const pairs = changes.flatMap((change) => {
    const image = change.target.kind === imageKind ? images.get(change.target.name) : undefined;
    return image ? [{ change, image }] : [];
  });
  const { engine, concurrency } = ctx.config.mirror;
  // The run reports the outcome of each change.
  const emitWithoutDone: typeof emit = (event) => {
    if (event.type !== 'image-done') emit(event);
  };
  const results = await ctx.mirror.copy(
    pairs.map(({ image }) => image),
    { engine, concurrency, platforms: await ctx.platforms(), prepare, signal, emit: emitWithoutDone },
  );
  for (const { image, missingPlatforms } of results) {
    const finding = missingPlatformsFinding(image, missingPlatforms, 'warning');
    if (finding) emit({ type: 'finding', finding });
  }
  return pairs.flatMap(({ change }, index) => {
    const result = results[index];
    return result ? [{ change, result }] : [];
  });
}

const ecrName = (image: WantedImage): string => wantedReference('', image).slice(1);

/** Reports an image that its source does not have for all nodes. */
export function missingPlatformsFinding(
  image: WantedImage,
  platforms: readonly string[] = [],
  level: Finding['level'],
): Finding | undefined {
  if (platforms.length === 0) return undefined;
  return finding('platform-unavailable', {
    level,
    target: imageTarget(image),
    what: `${image.source} is not available for ${platforms.join(', ')}`,
    why: 'its source does not have it for these platforms; the other platforms are in ECR',
    hint: `Add a nodeSelector on kubernetes.io/arch, so that its pods do not run on these nodes.`,
  });
}
