import type { MirrorResult } from '../engine.ts';
import { CorruptContent } from '../../clients/registry/digest.ts';
import type { RequestCount } from '../../clients/registry/transport.ts';
import { BootstrapError } from '../../core/errors.ts';
import { toBootstrapError } from '../../core/members.ts';
import { type Resolution, sizeOf } from './resolve.ts';

/** Requests, bytes and time of one image so far. */
export class TransferStats implements RequestCount {
  requests = 0;
  bytesSent = 0;
  bytesMounted = 0;
  bytesSkipped = 0;
  readonly #started: number;
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
    this.#started = now();
  }

  /** For a {@link MirrorResult}. */
  figures() {
    const { requests, bytesSent, bytesMounted, bytesSkipped } = this;
    const seconds = (this.#now() - this.#started) / 1000;
    return { bytesSent, bytesMounted, bytesSkipped, requests, seconds };
  }
}

/** An image that was looked up, or the failed result of one that could not be. */
export type PlannedCopy = { readonly resolution: Resolution; readonly stats: TransferStats } | MirrorResult;

/** The result of an image before its copy, or of one that needs none. */
export function resultOf(resolution: Resolution, stats: TransferStats): MirrorResult {
  const { image, target, state, selection, sourceDigest, present } = resolution;
  const isSettled = state === 'current' || state === 'kept';
  const targetDigest = isSettled ? present : selection.root.digest;
  if (isSettled) stats.bytesSkipped = sizeOf(resolution);
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
    ...stats.figures(),
  };
}

/** The result of an image that was looked up. */
export const outcomeOf = (planned: PlannedCopy): MirrorResult =>
  'resolution' in planned ? resultOf(planned.resolution, planned.stats) : planned;

/** The number of manifests to put. Images of one repository may share some. */
export function manifestsOf(planned: readonly PlannedCopy[]): number {
  const puts = planned.flatMap((one) => {
    if (!('resolution' in one) || !one.resolution.state.startsWith('would-')) return [];
    const { image, selection } = one.resolution;
    const inner = selection.inner.map(({ digest }) => digest);
    return [image.tag, ...inner].map((reference) => `${image.repository} ${reference}`);
  });
  return new Set(puts).size;
}

/** The error for the result of a failed image. */
export function failureOf(thrown: unknown, what: string): BootstrapError {
  if (!(thrown instanceof CorruptContent)) return toBootstrapError(thrown, what);
  return new BootstrapError(
    {
      code: 'image-corrupt',
      what,
      why: thrown.message,
      hint: 'Run the same command again. If it still fails, contact the operator of the source registry.',
    },
    { cause: thrown },
  );
}
