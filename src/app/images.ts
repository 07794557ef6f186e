import { exitCodes } from '../errors/index.ts';
import { ecrReference } from '../images/naming.ts';
import type { WantedImage } from '../images/port.ts';
import type { ImageRow } from '../output/index.ts';
import { gatherImages } from './gather.ts';
import type { Session } from './session.ts';

export interface ImagesOptions {
  readonly fromCluster?: boolean;
}

/** Lists images with their place in the ECR, whether they are there, and who uses them. */
export async function images(session: Session, { fromCluster = false }: ImagesOptions): Promise<number> {
  const ctx = await session.context();
  const [{ operator, others }, host, platforms] = await Promise.all([
    gatherImages(ctx, { references: [], fromCluster, list: !fromCluster }),
    ctx.registryHost(),
    ctx.platforms(),
  ]);
  const wanted = fromCluster ? others : [operator, ...others];
  const presence = await ctx.mirror.presence(wanted, platforms);
  const digests = new Map(presence.map(({ image, digest }) => [image.source, digest]));
  const rows = wanted.map((image) => rowOf(image, host, digests.get(image.source)));
  await session.reporter.show({ type: 'images', data: { images: rows } });
  return exitCodes.done;
}

const rowOf = (image: WantedImage, host: string, digest: string | undefined): ImageRow => ({
  source: image.source,
  target: ecrReference(host, image),
  present: digest !== undefined,
  ...(digest === undefined ? {} : { digest }),
  usedBy: image.wantedBy,
});
