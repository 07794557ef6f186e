import { resolve } from 'node:path';
import { otherClusters } from '../access-key/registration/other-clusters.ts';
import { clusterLabel, type ClusterRecord, forgetCommand } from '../access-key/registration/records.ts';
import { type UnreadImages, unreadText } from '../cluster/images.ts';
import { graceMs, unlessAborted, withinGrace } from '../core/abort.ts';
import { BootstrapError, exitCodes, severalErrors } from '../core/errors.ts';
import { groupBy } from '../core/group-by.ts';
import { secretNames } from '../iam/names.ts';
import { parseIfValid } from '../images/reference.ts';
import { UsedImages } from '../images/used.ts';
import { deleteUnused, findUnused, type Unused, type UnusedImage } from '../mirror/unused.ts';
import type { UnusedView } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import { confirm, placeOf } from './confirm.ts';
import { inputName } from './input-file.ts';
import { probe, refuseUnreached, showReading } from './preflight.ts';
import { readReferences } from './references.ts';
import type { Session } from './session.ts';
import { announcingStop } from './stopping.ts';
import { prepareListUpdate } from './update-lists.ts';

export interface UnusedOptions {
  /** Deletes what is listed. */
  readonly prune?: boolean;
  /** Lists of images that other clusters use. */
  readonly keep?: readonly string[];
  /** Milliseconds. Younger images are kept, because a run may still be copying. */
  readonly olderThan?: number;
  readonly yes?: boolean;
}

const defaultAgeMs = 3_600_000;

/** What other clusters use. */
interface KeptImages {
  readonly names: readonly string[];
  /** What their containers run, as the runtimes report it. */
  readonly ids: readonly string[];
}

/** Lists the images in ECR that nothing uses, and with `prune` deletes them. Resolves to the exit code. */
export async function unusedImages(session: Session, options: UnusedOptions): Promise<number> {
  const { reporter, signal } = session;
  const ctx = await session.context();
  showReading(session);
  const reached = await unlessAborted(signal, () => probe(ctx, new Set(['aws', 'cluster'])));
  await session.header(reached.header);
  refuseUnreached(reached);
  const kept = await keptImages(session, options.keep ?? []);
  const unused = await unlessAborted(signal, async () => {
    if (options.prune) await refuseOtherClusters(ctx, options.keep ?? []);
    return observe(ctx, kept, options);
  });
  for (const one of unused.unread) reporter.warn(unreadText(one));
  await reporter.show({ type: 'unused', data: await viewOf(unused, ctx) });
  if (!options.prune || unused.images.length === 0) return exitCodes.done;
  const count = unused.images.length === 1 ? '1 image' : `${unused.images.length} images`;
  const text = `Delete ${count} that nothing uses from ${placeOf(reached.header)}?`;
  const review = 'Review the list with --unused instead of --prune';
  if (!options.yes && !(await confirm(session, { text, review }))) return exitCodes.failed;
  return announcingStop(session, 'Stopping after the current deletions', () =>
    withinGrace(signal, graceMs, () => prune(session, ctx.fresh(), unused, kept, options)),
  );
}

/**
 * @throws BootstrapError `use-unknown` for a list that is empty, incomplete, or has other text: it would let images be
 * deleted that its cluster uses; `usage` for a file that is given twice, because there must be one for each cluster
 */
async function keptImages(session: Session, files: readonly string[]): Promise<KeptImages> {
  const paths = files.map((file) => resolve(session.cwd, file));
  const twice = files.find((_, index) => paths.indexOf(paths[index] ?? '') < index);
  if (twice !== undefined) throw givenTwice(twice);
  const names: string[] = [];
  const ids: string[] = [];
  for (const file of files) {
    const { references, lacks, running } = await readReferences(session, file, '--keep');
    const [lack] = lacks;
    if (lack !== undefined) throw unusableList(`${inputName(file)} is incomplete: ${lack}`);
    if (references.length === 0) throw unusableList(`${inputName(file)} lists no images`);
    for (const { text, where } of references) {
      if (!parseIfValid(text))
        throw unusableList(`"${shortText(text)}" is not an image reference (${where})`);
      names.push(text);
    }
    ids.push(...running);
  }
  return { names, ids };
}

/** Everything that this cluster, the configuration and the lists of `--keep` use. */
async function usedBy(ctx: Context, kept: KeptImages): Promise<UsedImages> {
  const { project, images } = ctx.config;
  const [host, use, running, { operator, others }] = await Promise.all([
    ctx.registryHost(),
    ctx.inventory.imageUse(),
    ctx.inventory.runningImages(),
    ctx.wantedImages(),
  ]);
  const used = new UsedImages({ project, map: images.map }, host);
  for (const image of [operator, ...others]) used.addImage(image);
  for (const text of [...images.list, ...kept.names, ...use.sources.flatMap((source) => source.images)]) {
    used.addReference(text);
  }
  for (const id of [...running, ...kept.ids]) used.addRunning(id);
  return used;
}

interface Observed extends Unused {
  readonly unread: readonly UnreadImages[];
}

/** @throws BootstrapError `use-unknown` when something that may use images is hidden, and they would be deleted */
async function observe(
  ctx: Context,
  kept: KeptImages,
  { prune = false, olderThan = defaultAgeMs }: UnusedOptions,
): Promise<Observed> {
  const [used, { unread }] = await Promise.all([usedBy(ctx, kept), ctx.inventory.imageUse()]);
  const blind = unread.filter(({ isBlind }) => isBlind);
  if (prune && blind.length > 0) {
    throw severalErrors(blind.map((one) => useUnknown(unreadText(one), one.hint)));
  }
  return { ...(await findUnused(ctx, used, ctx.clock.now() - olderThan)), unread };
}

/** Deletes the listed images that are still unused. */
async function prune(
  session: Session,
  ctx: Context,
  listed: Unused,
  kept: KeptImages,
  options: UnusedOptions,
): Promise<number> {
  const { reporter, signal } = session;
  const now = await observe(ctx, kept, options);
  const names = new Set(listed.images.map(keyOf));
  const images = now.images.filter((image) => names.has(keyOf(image)));
  const done: UnusedImage[] = [];
  const left: { readonly name: string; readonly code: string; readonly why: string }[] = [];
  const updateLists = prepareListUpdate(session, ctx, 'images');
  const changed: string[] = [];
  try {
    for (const [repository, group] of groupBy(images, ({ repository: name }) => name)) {
      changed.push(repository);
      const failures = await deleteUnused(repository, group, ctx, signal);
      left.push(...failures);
      const failed = new Set(failures.map(({ name }) => name));
      done.push(...group.filter((image) => !namesOf(image).some((name) => failed.has(name))));
    }
  } finally {
    if (changed.length > 0) await updateLists(() => changed);
    await reporter.show({
      type: 'pruned',
      data: {
        deleted: done.length,
        sizeBytes: sizeOf(done),
        kept: left,
        inUse: listed.images.length - images.length,
      },
    });
  }
  if (left.length > 0) throw incomplete(left.length, images.length);
  return exitCodes.done;
}

const keyOf = (image: UnusedImage): string =>
  JSON.stringify([image.repository, image.digest, image.isTagOnly, [...image.tags].sort()]);

const namesOf = ({ repository, tags, digest }: UnusedImage): string[] =>
  tags.length === 0 ? [`${repository}@${digest}`] : tags.map((tag) => `${repository}:${tag}`);

const sizeOf = (images: readonly UnusedImage[]): number => images.reduce((sum, { size }) => sum + size, 0);

async function viewOf({ images, skipped }: Unused, ctx: Context): Promise<UnusedView> {
  return {
    registry: `${await ctx.registryHost()}/${ctx.config.project}`,
    images: images.map(({ repository, tags, digest, isTagOnly, size, pushedAt }) => ({
      repository,
      tags: [...tags],
      digest,
      tagOnly: isTagOnly,
      sizeBytes: size,
      pushed: new Date(pushedAt).toISOString(),
    })),
    sizeBytes: sizeOf(images),
    skipped: skipped.map(({ name, why }) => ({ repository: name, why })),
  };
}

/** @throws BootstrapError `use-unknown` unless there is a list of each other cluster of the project */
async function refuseOtherClusters(ctx: Context, files: readonly string[]): Promise<void> {
  const { clusters, denied, hasLostTags } = await otherClusters(ctx);
  const secret = secretNames(ctx.config).id;
  if (hasLostTags) {
    throw useUnknown(
      `secret ${secret} has lost the tags that register the clusters of the project`,
      `Run \`ecr-bootstrap up --adopt 'secret ${secret}'\` for each cluster of the project, which registers it again.`,
    );
  }
  if (denied) throw useUnknown(`the clusters of the project could not be listed: ${denied.why}`, denied.hint);
  if (clusters.length <= files.length) return;
  const names = clusters.map(clusterLabel).join('; ');
  const given =
    files.length > 0 ? `, and --keep is given ${files.length === 1 ? 'once' : `${files.length} times`}` : '';
  throw useUnknown(
    `${clusters.length === 1 ? 'another cluster uses' : `${clusters.length} other clusters use`} the project: ${names}${given}`,
    keepHint(clusters, secret),
  );
}

function keepHint([first]: readonly ClusterRecord[], secret: string): string {
  const forget = first ? ` If a cluster no longer exists: \`${forgetCommand(secret, first)}\`.` : '';
  return `For each of them, write the list of its images with \`ecr-bootstrap images -q >FILE\`, and pass it with --keep FILE.${forget}`;
}

const useUnknown = (why: string, hint: string): BootstrapError =>
  new BootstrapError({ code: 'use-unknown', what: 'could not find out which images are in use', why, hint });

const unusableList = (why: string): BootstrapError =>
  useUnknown(why, 'Write the list again with `ecr-bootstrap images -q >FILE` on its cluster.');

/** Characters of a line in a message. */
const maxShown = 60;

const shortText = (text: string): string => (text.length > maxShown ? `${text.slice(0, maxShown)}…` : text);

const givenTwice = (file: string): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: 'could not read the command line',
    why: `--keep ${file} is given twice`,
    hint: 'Give one file for each other cluster of the project.',
  });

const incomplete = (count: number, all: number): BootstrapError =>
  new BootstrapError({
    code: 'prune-incomplete',
    what: `could not delete ${count === 1 ? '1' : count} of ${all} images`,
    why: 'the output shows the reasons',
    hint: 'Run the same command again; it deletes what is left.',
  });
