import { isTagImmutable, originOf, sourceHost, type WantedImage, wantedReference } from '../images/wanted.ts';
import type { MirrorOptions } from './engine.ts';
import type { Presence } from './presence.ts';
import type { Change, ChangeWith, Outcome } from '../core/step.ts';
import { type Finding, finding } from '../core/findings.ts';
import type { MirrorContext, MirrorRun } from './context.ts';

export type CopyChange = ChangeWith<{ readonly does: 'copy'; readonly image: WantedImage }>;

export const imageTarget = (image: WantedImage) => ({ kind: 'image', name: image.source });

/** What ECR has of these images. Sends no request to a source. */
export async function observePresence(
  images: readonly WantedImage[],
  ctx: MirrorContext,
): Promise<readonly Presence[]> {
  return ctx.mirror.presence(images, await ctx.platforms());
}

/** One change for each image that ECR does not have, or not for all wanted platforms. */
export function copiesOf(presence: readonly Presence[]): CopyChange[] {
  return presence.flatMap(({ image, digest, missingPlatforms, error }): CopyChange[] => {
    if (error) return [];
    const target = imageTarget(image);
    const payload = { does: 'copy', image } as const;
    if (digest === undefined)
      return [
        {
          action: 'create',
          target,
          label: sourceHost(image),
          fields: [],
          reason: `as ${ecrName(image)}`,
          payload,
        },
      ];
    if (missingPlatforms.length === 0) return [];
    return [{ action: 'update', target, fields: [{ path: 'platforms', to: missingPlatforms }], payload }];
  });
}

/** Adds their sizes to the copies, as far as the sources report them in time. */
export async function withSizes<C extends Change>(
  changes: readonly (C | CopyChange)[],
  ctx: MirrorContext,
): Promise<readonly (C | CopyChange)[]> {
  const imageOf = (change: C | CopyChange): WantedImage | undefined =>
    isCopy(change) && change.action === 'create' ? change.payload.image : undefined;
  const images = changes.flatMap((change) => imageOf(change) ?? []);
  const { signal } = new AbortController();
  const sizes = await ctx.mirror.sizes(images, {
    engine: ctx.config.mirror.engine,
    platforms: await ctx.platforms(),
    signal,
  });
  return changes.map((change) => {
    const image = imageOf(change);
    const sizeBytes = image && sizes.get(image);
    return sizeBytes === undefined ? change : { ...change, sizeBytes };
  });
}

export const isCopy = (change: Change): change is CopyChange =>
  'payload' in change && (change as ChangeWith<{ readonly does?: string }>).payload.does === 'copy';

/** Copies the images of these changes. @returns their outcomes, in the same order */
export async function copyImages(
  changes: readonly CopyChange[],
  { ctx, signal, emit }: MirrorRun,
  more: Pick<MirrorOptions, 'prepare' | 'held'>,
): Promise<Outcome<CopyChange>[]> {
  const { engine, concurrency } = ctx.config.mirror;
  // The run reports the outcome of each change.
  const emitWithoutDone: typeof emit = (event) => {
    if (event.type !== 'image-done') emit(event);
  };
  const results = await ctx.mirror.copy(
    changes.map(({ payload }) => payload.image),
    { engine, concurrency, platforms: await ctx.platforms(), ...more, signal, emit: emitWithoutDone },
  );
  for (const { image, missingPlatforms } of results) {
    const finding = missingPlatformsFinding(image, missingPlatforms, 'warning');
    if (finding) emit({ type: 'finding', finding });
  }
  return changes.flatMap((change, index): Outcome<CopyChange>[] => {
    const result = results[index];
    if (!result) return [];
    return [result.error ? { change, result: 'failed', error: result.error } : { change, result: 'done' }];
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
    what: `${originOf(image)} is not available for ${platforms.join(', ')}`,
    ...(isTagImmutable(image)
      ? {
          why: 'the agent on nodes runs a copy of it, which was made without these platforms and cannot change',
          hint: 'Set nodes.image to an image that has them, under another name or tag.',
        }
      : {
          why: 'its source does not have it for these platforms; the other platforms are in ECR',
          hint: 'Add a nodeSelector on kubernetes.io/arch, so that its pods do not run on these nodes.',
        }),
  });
}
