import type { MirrorResult } from '../engine.ts';
import { CorruptContent } from '../../clients/registry/digest.ts';
import type { RequestCount } from '../../clients/registry/transport.ts';
import { BootstrapError } from '../../core/errors.ts';
import { toBootstrapError } from '../../core/members.ts';
import { type Resolution, sizeOf } from './resolve.ts';

/** What one image cost so far. */
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

/** What went wrong with one image, as the error for its result. */
export function failureOf(thrown: unknown, what: string): BootstrapError {
  if (!(thrown instanceof CorruptContent)) return toBootstrapError(thrown, what);
  return new BootstrapError(
    {
      code: 'image-corrupt',
      what,
      why: thrown.message,
      hint: 'Run the same command again; if it stays so, ask those who run the source registry.',
    },
    { cause: thrown },
  );
}
