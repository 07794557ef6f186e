import type { Command } from 'commander';
import { examples, type Program } from './command.ts';
import { unlessAborted } from '../core/abort.ts';
import { exitCodes } from '../core/errors.ts';
import { wantedReference } from '../images/wanted.ts';
import type { Presence } from '../mirror/presence.ts';
import type { ImageRow } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import { mirroring } from '../mirror/internet.ts';
import { collectImages, isUnreachable } from '../run/collect-images.ts';
import { showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--from-cluster', 'list only the images that the cluster uses')
    .option(
      '--platform <platforms>',
      'platforms to check: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .action((options: ImagesOptions) => program.run(command, (session) => images(session, options)));
  examples(command, [
    ['ecr-bootstrap images', 'List every image and its name in ECR'],
    ['ecr-bootstrap images --from-cluster', 'List the images that the cluster uses'],
    [
      'ecr-bootstrap images --from-cluster -q >images.txt',
      'Write a list for mirror --from-file, without internet access',
    ],
  ]);
}

export interface ImagesOptions {
  readonly fromCluster?: boolean;
}

/** Lists images with their names in ECR, whether ECR has them, and who uses them. */
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
    fromCluster ? collectImages(ctx, { references: [], fromCluster, list: false }) : ctx.wantedImages(),
    ctx.registryHost(),
    ctx.platforms(),
  ]);
  const wanted = fromCluster ? others : [operator, ...others];
  const [presence, mirrored] = await Promise.all([
    ctx.mirror.presence(wanted, platforms),
    mirroredHosts(ctx),
  ]);
  const isMirrored = mirroring(mirrored, ctx.config);
  return presence.map((one) => ({ ...rowOf(one, host), mirrored: isMirrored(one.image.source) }));
}

/** None if the cluster cannot be read. */
async function mirroredHosts({ inventory }: Context): Promise<readonly string[]> {
  try {
    return await inventory.mirroredHosts();
  } catch (error) {
    if (isUnreachable(error)) return [];
    throw error;
  }
}

const rowOf = (
  { image, digest, missingPlatforms, error }: Presence,
  host: string,
): Omit<ImageRow, 'mirrored'> => ({
  source: image.source,
  target: wantedReference(host, image),
  present: error ? 'unknown' : digest !== undefined,
  ...(digest === undefined ? {} : { digest }),
  ...(missingPlatforms.length > 0 ? { missingPlatforms } : {}),
  usedBy: image.wantedBy,
});
