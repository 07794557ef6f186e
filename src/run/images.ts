import { unlessAborted } from '../core/abort.ts';
import { exitCodes } from '../core/errors.ts';
import { wantedReference } from '../images/naming.ts';
import type { Presence } from '../mirror/port.ts';
import type { ImageRow } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import { gatherImages } from './gather.ts';
import { showReading } from './preflight.ts';
import type { Session } from './session.ts';

export interface ImagesOptions {
  readonly fromCluster?: boolean;
}

/** Lists images with their place in the ECR, whether they are there, and who uses them. */
export async function images(session: Session, { fromCluster = false }: ImagesOptions): Promise<number> {
  const ctx = await session.context();
  await session.header();
  showReading(session);
  const rows = await unlessAborted(session.signal, () => lookUp(ctx, fromCluster));
  await session.reporter.show({ type: 'images', data: { images: rows } });
  return exitCodes.done;
}

async function lookUp(ctx: Context, fromCluster: boolean): Promise<ImageRow[]> {
  const [{ operator, others }, host, platforms] = await Promise.all([
    fromCluster ? gatherImages(ctx, { references: [], fromCluster, list: false }) : ctx.wantedImages(),
    ctx.registryHost(),
    ctx.platforms(),
  ]);
  const wanted = fromCluster ? others : [operator, ...others];
  const presence = await ctx.mirror.presence(wanted, platforms);
  return presence.map((one) => rowOf(one, host));
}

const rowOf = ({ image, digest, missingPlatforms, error }: Presence, host: string): ImageRow => ({
  source: image.source,
  target: wantedReference(host, image),
  present: error ? 'unknown' : digest !== undefined,
  ...(digest === undefined ? {} : { digest }),
  ...(missingPlatforms.length > 0 ? { missingPlatforms } : {}),
  usedBy: image.wantedBy,
});
