import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { BootstrapError, exitCodes } from '../errors/index.ts';
import type { WantedImage } from '../images/port.ts';
import { parseReference } from '../images/reference.ts';
import type { MirrorOptions, MirrorResult } from '../mirror/port.ts';
import { plural } from '../output/units.ts';
import { carryOut, type Event, makePlan, refuseBlocked } from '../plan/index.ts';
import type { Context } from '../steps/context.ts';
import { repositories } from '../steps/repositories/index.ts';
import { gatherImages } from './gather.ts';
import { readReferences, type Written } from './references.ts';
import { reach } from './preflight.ts';
import type { Session } from './session.ts';
import { unlessAborted } from './signal.ts';

export interface MirrorCommandOptions {
  readonly fromFile?: string;
  readonly fromCluster?: boolean;
  /** False by `--no-clobber`. */
  readonly clobber?: boolean;
  readonly failedTo?: string;
  readonly dryRun?: boolean;
}

/** Copies the images that were named, or all that are wanted. Resolves to the exit code. */
export async function mirror(
  session: Session,
  references: readonly string[],
  options: MirrorCommandOptions,
): Promise<number> {
  const { reporter } = session;
  const named = [
    ...references.map((reference) => ({ text: reference, wantedBy: 'you' })),
    ...(options.fromFile === undefined ? [] : await readReferences(session, options.fromFile)),
  ];
  named.forEach(({ text }) => parseReference(text));
  if (named.length === 0 && options.fromFile !== undefined && !options.fromCluster) {
    reporter.warn(`${options.fromFile} names no image; nothing to mirror.`);
    await reporter.show({ type: 'mirror', data: { images: [], dryRun: options.dryRun === true } });
    return exitCodes.done;
  }
  const ctx = await session.context();
  const { images, how } = await unlessAborted(session.signal, () => prepare(session, ctx, named, options));
  const results = options.dryRun ? await ctx.mirror.plan(images, how) : await ctx.mirror.copy(images, how);
  await reporter.show({ type: 'mirror', data: { images: results, dryRun: options.dryRun === true } });
  const failed = results.filter((result) => result.error);
  if (options.failedTo !== undefined) writeFailed(session, options.failedTo, failed);
  session.signal.throwIfAborted();
  if (failed.length > 0) throw incomplete(failed, results.length);
  return exitCodes.done;
}

/** Everything before the first change: who we are, what is wanted, and whether the engine is there. */
async function prepare(
  session: Session,
  ctx: Context,
  named: readonly Written[],
  options: MirrorCommandOptions,
): Promise<{ images: readonly WantedImage[]; how: MirrorOptions }> {
  const { header, errors } = await reach(ctx, new Set(['aws']));
  session.reporter.header({ sandbox: session.sandbox === true, ...header });
  const [unreachable] = errors.values();
  if (unreachable) throw unreachable;
  const images = await chooseImages(ctx, named, options);
  const how = await mirrorOptions(session, ctx, options);
  if (how.engine === 'docker') await (await session.docker()).version();
  return { images, how };
}

async function chooseImages(
  ctx: Context,
  named: readonly Written[],
  { fromCluster = false }: MirrorCommandOptions,
): Promise<readonly WantedImage[]> {
  if (named.length === 0 && !fromCluster) {
    const { operator, others } = await ctx.wantedImages();
    return [operator, ...others];
  }
  const { operator, others } = await gatherImages(ctx, { references: named, fromCluster, list: false });
  // The operator's image is always among the wanted; here only when somebody asked for it.
  return operator.wantedBy.length > 1 ? [operator, ...others] : others;
}

/** By the step that `up` runs, for these images only. */
async function createRepositories(
  { reporter, signal }: Session,
  ctx: Context,
  images: readonly WantedImage[],
): Promise<void> {
  const [first, ...others] = images;
  if (!first) return;
  // The step makes no difference between the operator's image and the others.
  const wanted = { operator: first, others, rejected: [] };
  const narrowed = Object.create(ctx, { wantedImages: { value: () => Promise.resolve(wanted) } }) as Context;
  const plan = await makePlan([repositories], narrowed);
  refuseBlocked(plan);
  const emit = (event: Event): void => reporter.event(event);
  const { error } = await carryOut(plan, { ctx: narrowed, fresh: (same) => same, signal, emit });
  if (error) throw error;
}

async function mirrorOptions(
  session: Session,
  ctx: Context,
  { clobber = true }: MirrorCommandOptions,
): Promise<MirrorOptions> {
  const { reporter, signal } = session;
  const { engine, concurrency } = ctx.config.mirror;
  return {
    engine,
    concurrency,
    platforms: await ctx.platforms(),
    noClobber: !clobber,
    prepare: (images) => createRepositories(session, ctx, images),
    signal,
    emit: (event) => reporter.event({ ...event, step: 'mirror' }),
  };
}

function writeFailed({ cwd }: Session, file: string, failed: readonly MirrorResult[]): void {
  writeFileSync(resolve(cwd, file), failed.map((result) => `${result.image.source}\n`).join(''));
}

const incomplete = (failed: readonly MirrorResult[], all: number): BootstrapError =>
  new BootstrapError({
    code: 'mirror-incomplete',
    what: `mirror ${plural(all, 'image')}`,
    why: `${all === 1 ? '' : `${failed.length} failed, the first because `}${failed[0]?.error?.why ?? ''}`,
    hint: 'Deal with what is listed above and run the same command again: it copies only what is missing.',
  });
