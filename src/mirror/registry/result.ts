import type { MirrorResult } from '../port.ts';
import type { TransferStats } from './transfer-stats.ts';
import { sizeOf } from './blobs.ts';
import type { Resolution } from './resolve.ts';

/** An image that could be looked up, or the result that says why not. */
export type PlannedCopy = { readonly resolution: Resolution; readonly account: TransferStats } | MirrorResult;

/** The result of an image for which nothing was done (yet). */
export function resultOf(resolution: Resolution, account: TransferStats): MirrorResult {
  const { image, target, state, selection, sourceDigest, present } = resolution;
  const isSettled = state === 'current' || state === 'kept';
  const targetDigest = isSettled ? present : selection.root.digest;
  if (isSettled) account.bytesSkipped = sizeOf(resolution);
  return {
    image,
    target,
    engine: 'registry',
    state,
    sourceDigest,
    content: selection.content,
    platforms: selection.platforms,
    ...(selection.missing.length > 0 ? { missingPlatforms: selection.missing } : {}),
    size: sizeOf(resolution),
    ...(targetDigest === undefined ? {} : { targetDigest }),
    ...(state === 'would-move' && present !== undefined ? { previousDigest: present } : {}),
    ...account.figures(),
  };
}
