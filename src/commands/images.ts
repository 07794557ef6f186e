import { type Command, Option } from 'commander';
import { examples, type Program } from './command.ts';
import { unlessAborted } from '../core/abort.ts';
import { exitCodes } from '../core/errors.ts';
import { canonical } from '../images/operator.ts';
import { formatReference, parseIfValid } from '../images/reference.ts';
import { wantedReference } from '../images/wanted.ts';
import type { Presence } from '../mirror/presence.ts';
import type { ImageRow, ImagesView } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import { internetImages, mirroring } from '../mirror/internet.ts';
import { collectImages, isUnreachable } from '../run/collect-images.ts';
import { showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--from-cluster', 'list only the images that the cluster uses')
    .addOption(
      new Option('--missing', 'list only images that ECR lacks, whole or in part').conflicts('outside'),
    )
    .option('--outside', 'list only images that workloads pull from the internet')
    .option(
      '--platform <platforms>',
      'platforms to check: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .action((options: ImagesOptions) => program.run(command, (session) => images(session, options)));
  examples(command, [
    ['ecr-bootstrap images', 'List every image and its name in ECR'],
    ['ecr-bootstrap images --outside', 'List what workloads still pull from the internet'],
    [
      'ecr-bootstrap images --from-cluster -q >images.txt',
      'Write a list for mirror --from-file, without internet access',
    ],
  ]);
}

export interface ImagesOptions {
  readonly fromCluster?: boolean;
  readonly missing?: boolean;
  readonly outside?: boolean;
}

/** Lists images with their names in ECR, whether ECR has them, and who uses them. */
export async function images(session: Session, options: ImagesOptions): Promise<number> {
  const ctx = await session.context();
  await session.header();
  showReading(session);
  const data = await unlessAborted(session.signal, () => lookUp(ctx, options));
  await session.reporter.show({ type: 'images', data });
  return exitCodes.done;
}

async function lookUp(ctx: Context, options: ImagesOptions): Promise<ImagesView> {
  const { fromCluster = false, missing = false, outside = false } = options;
  const [{ operator, others }, host, platforms] = await Promise.all([
    fromCluster ? collectImages(ctx, { references: [], fromCluster, list: false }) : ctx.wantedImages(),
    ctx.registryHost(),
    ctx.platforms(),
  ]);
  const wanted = fromCluster ? others : [operator, ...others];
  const [presence, mirrored, outsiders] = await Promise.all([
    ctx.mirror.presence(wanted, platforms),
    ifReachable(() => ctx.inventory.mirroredHosts(), []),
    // The question of --outside has no answer without the cluster.
    outside ? workloadsOutside(ctx) : ifReachable(() => workloadsOutside(ctx), new Map<string, string[]>()),
  ]);
  const isMirrored = mirroring(mirrored, ctx.config);
  const rows = presence.map((one) => ({
    ...rowOf(one, host),
    outside: outsiders.get(one.image.source) ?? [],
    mirrored: isMirrored(one.image.source),
  }));
  const registry = `${host}/${ctx.config.project}`;
  if (missing) return { registry, images: rows.filter(isIncomplete), only: 'missing' };
  if (outside) return { registry, images: rows.filter((row) => row.outside.length > 0), only: 'outside' };
  return { registry, images: rows };
}

const isIncomplete = ({ present, missingPlatforms }: ImageRow): boolean =>
  present !== true || missingPlatforms !== undefined;

/** The workloads that pull each source from the internet. Static pods have their images on the node. */
async function workloadsOutside(ctx: Context): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const { image, workload, isAlias, isStatic } of await internetImages(ctx)) {
    const reference = parseIfValid(image);
    if (!reference || isAlias || isStatic) continue;
    const source = formatReference(canonical(reference));
    found.set(source, [...(found.get(source) ?? []), workload]);
  }
  return found;
}

async function ifReachable<T>(read: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isUnreachable(error)) return otherwise;
    throw error;
  }
}

const rowOf = (
  { image, digest, missingPlatforms, error }: Presence,
  host: string,
): Omit<ImageRow, 'mirrored' | 'outside'> => ({
  source: image.source,
  target: wantedReference(host, image),
  present: error ? 'unknown' : digest !== undefined,
  ...(digest === undefined ? {} : { digest }),
  ...(missingPlatforms.length > 0 ? { missingPlatforms } : {}),
  usedBy: image.wantedBy,
});
