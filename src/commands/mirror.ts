import { type Command, Option } from 'commander';
import { examples, hosts, layoutArgument, type Program } from './command.ts';
import { graceMs, unlessAborted, withinGrace } from '../core/abort.ts';
import { BootstrapError, exitCodes, severalErrors } from '../core/errors.ts';
import type { GivenReference, RejectedImage, WantedImage, WantedImages } from '../images/wanted.ts';
import type { MirrorOptions, MirrorResult } from '../mirror/engine.ts';
import type { MirrorRow, MirrorView } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import { writeOperatorYaml } from '../mirror/layout/operator-yaml.ts';
import { oddNodesFinding, unreadFindings } from '../mirror/image-findings.ts';
import { leastTimeText } from '../mirror/rates.ts';
import { MissingRepositories } from '../mirror/repositories/apply.ts';
import { copiedInto } from '../mirror/warnings/update.ts';
import { collectImages, requestedImages } from '../run/collect-images.ts';
import type { RunContext } from '../run/context.ts';
import { exportedImages, imagesIn } from '../run/layout-images.ts';
import { probe, refuseUnreached, showReading } from '../run/preflight.ts';
import { readReferences } from '../run/references.ts';
import type { Session } from '../run/session.ts';
import { announcingStop } from '../run/stopping.ts';
import { prepareListUpdate } from '../run/update-lists.ts';
import { resolve } from 'node:path';
import { type OutputFile, prepareOutput, writeOutput } from '../run/output-file.ts';

export function register(command: Command, program: Program): void {
  command
    .argument('[references...]', 'images to copy (default: those of the configuration and the cluster)')
    .option('-f, --from-file <file>', 'read references from a file, one per line; - for standard input')
    .option('--from-cluster', 'copy the images that the cluster uses')
    .addOption(
      new Option('--to <oci:folder>', "write the images and the operator's YAML to a layout, without AWS")
        .argParser(layoutArgument)
        .conflicts(['from', 'engine', 'dockerHost']),
    )
    .addOption(
      new Option('--from <oci:folder>', 'read the images from a layout; without references all of them')
        .argParser(layoutArgument)
        .conflicts(['engine', 'dockerHost']),
    )
    .addOption(
      new Option('--engine <engine>', 'how images are copied').choices(['auto', 'registry', 'docker']),
    )
    .option('--docker-host <address>', 'Docker engine to use (default: that of the docker command)')
    .option(
      '--platform <platforms>',
      'platforms to copy: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .option('--referrers', 'also copy the signatures, attestations and SBOMs of the images')
    .option('--no-clobber', 'do not overwrite tags that exist in ECR')
    .option('--insecure-registry <hosts>', 'use plain HTTP for these source registries', hosts)
    .option('--failed-to <file>', 'write failed and skipped references to a file, for --from-file')
    .option('--dry-run', 'show what would be copied')
    .action((references: string[], options: MirrorCommandOptions) =>
      program.run(command, (session) => mirror(session, references, options)),
    );
  examples(command, [
    ['ecr-bootstrap mirror nginx:1.28 quay.io/prometheus/prometheus:v3.1.0', 'Copy two images'],
    ['ecr-bootstrap mirror --from-file images.txt', 'Copy the images in a list'],
    [
      'kubectl set image deploy/web web=$(ecr-bootstrap mirror -q nginx:1.28)',
      'Copy an image and use it in a workload',
    ],
    [
      'ecr-bootstrap mirror --referrers --platform all nginx:1.28',
      'Copy an image with its signatures and SBOMs',
    ],
    [
      'ecr-bootstrap mirror --to oci:images -f images.txt --platform linux/amd64',
      'Write images to a folder, on a machine that reaches only the internet',
    ],
    ['ecr-bootstrap mirror --from oci:images', 'Copy them to ECR, on one that reaches only AWS'],
  ]);
}

export interface MirrorCommandOptions {
  readonly fromFile?: string;
  readonly fromCluster?: boolean;
  /** False by `--no-clobber`. */
  readonly clobber?: boolean;
  readonly referrers?: boolean;
  readonly failedTo?: string;
  readonly dryRun?: boolean;
  readonly to?: string;
  readonly from?: string;
}

/** Copies the given images, or all images of the configuration and the cluster. Resolves to the exit code. */
export async function mirror(
  session: Session,
  references: readonly string[],
  options: MirrorCommandOptions,
): Promise<number> {
  const { reporter } = session;
  const named = [
    ...references.map((text) => ({ text, wantedBy: 'you', where: 'command line' })),
    ...(options.fromFile === undefined ? [] : (await readReferences(session, options.fromFile)).references),
  ];
  const list = openFailedList(session, options.failedTo);
  const isNothing = named.length === 0 && options.fromFile !== undefined && !options.fromCluster;
  if (isNothing) reporter.warn(`${options.fromFile} lists no images; nothing to mirror.`);
  const rows = isNothing ? [] : await copyAll(session, named, options, list);
  const yaml = options.dryRun ? {} : await storeOperatorYaml(session);
  const { operatorYaml } = yaml;
  const data = { images: rows, dryRun: options.dryRun === true, ...(operatorYaml && { operatorYaml }) };
  await reporter.show({ type: 'mirror', data });
  const failed = rows.filter(({ error }) => error);
  const errors = [
    ...(failed.length > 0 ? [incomplete(failed, rows.length, session)] : []),
    ...(yaml.error ? [yaml.error] : []),
  ];
  const incompletion = errors.length > 0 ? severalErrors(errors) : undefined;
  list.write(
    failed.map(({ source }) => source),
    session.signal.aborted ? session.signal.reason : incompletion,
  );
  session.signal.throwIfAborted();
  if (incompletion) throw incompletion;
  return exitCodes.done;
}

interface StoredYaml extends Pick<MirrorView, 'operatorYaml'> {
  readonly error?: BootstrapError;
}

/** For the layout of `--to`, unless a user installs the operator in another way. A failure does not hide the images. */
async function storeOperatorYaml(session: Session): Promise<StoredYaml> {
  const { config, operatorSource, to } = await session.context();
  if (!to || !config.externalSecrets.install || session.signal.aborted) return {};
  try {
    return await unlessAborted(session.signal, async () => {
      const { text, sha256 } = await operatorSource.yaml();
      await writeOperatorYaml(to.layout, text);
      return { operatorYaml: { sha256 } };
    });
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    return { error };
  }
}

async function copyAll(
  session: Session,
  named: readonly GivenReference[],
  options: MirrorCommandOptions,
  list: FailedList,
): Promise<MirrorRow[]> {
  const isExport = options.to !== undefined;
  // An export needs neither a project nor a region.
  if (isExport) await session.loaded({ placeholders: true });
  const ctx = await session.context();
  if (!isExport) showReading(session);
  const prepared = await unlessAborted(session.signal, () =>
    isExport ? prepareExport(session, ctx, named, options) : prepare(session, ctx, named, options),
  );
  const refused = prepared.refused.map(refusedRow);
  if (!prepared.work) return refused;
  const { images, how } = prepared.work;
  const left = new Set(images.map(({ source }) => source));
  const updateLists = isExport || options.dryRun ? undefined : prepareListUpdate(session, ctx, 'mirror');
  const emit: MirrorOptions['emit'] = (event) => {
    if (event.type === 'image-done' && !event.error) left.delete(event.source);
    how.emit(event);
  };
  try {
    const copy = () => (ctx.to ?? ctx.mirror)[options.dryRun ? 'plan' : 'copy'](images, { ...how, emit });
    const place = ctx.to ? 'the layout' : 'ECR';
    const results = await announcingStop(session, `Stopping; images in ${place} stay there`, () =>
      withinGrace(session.signal, graceMs, copy),
    );
    if (results.some(({ error }) => !error)) await updateLists?.(copiedInto(results));
    return [...results.map(rowOf), ...refused];
  } catch (error) {
    // After an interrupted run, the file lists the images that were skipped.
    list.write([...left, ...refused.map(({ source }) => source)], error);
    throw error;
  }
}

interface Prepared {
  /** Missing when there is no image to copy. */
  readonly work?: { readonly images: readonly WantedImage[]; readonly how: MirrorOptions };
  readonly refused: readonly RejectedImage[];
}

/** Does everything before the first change: checks the caller and the engine, and collects the images. */
async function prepare(
  session: Session,
  ctx: RunContext,
  named: readonly GivenReference[],
  options: MirrorCommandOptions,
): Promise<Prepared> {
  if (options.referrers && ctx.config.mirror.engine === 'docker') throw dockerWithoutReferrers();
  const reached = await probe(ctx, new Set(['aws']));
  await session.header(reached.header);
  refuseUnreached(reached);
  const { images, rejected, refused } = await chooseImages(session, ctx, named, options);
  warnOfRejected(session, rejected);
  if (options.fromCluster || (named.length === 0 && !ctx.from)) {
    for (const { what, why, hint } of await unreadFindings(ctx)) {
      session.reporter.warn(`${what}: ${why}. ${hint}`);
    }
  }
  if (images.length === 0) return { refused };
  const how = await mirrorOptions(session, ctx, options);
  if (how.engine === 'docker') {
    const { docker } = await session.context();
    await (await docker()).version();
  }
  return { work: { images, how }, refused };
}

/** The same for `--to`, which sends requests only to the sources and, with `--from-cluster`, to the cluster. */
async function prepareExport(
  session: Session,
  ctx: RunContext,
  named: readonly GivenReference[],
  { clobber = true, fromCluster = false, referrers = false }: MirrorCommandOptions,
): Promise<Prepared> {
  const { reporter, signal } = session;
  await session.header();
  const { config } = ctx;
  if (config.images.platforms === 'cluster') throw unknownPlatforms();
  const list = named.length === 0 && !fromCluster;
  const wanted = await exportedImages(ctx, await session.loaded(), { references: named, fromCluster, list });
  warnOfRejected(session, wanted.rejected);
  const { operator, others } = wanted;
  const images = withOrigins(list ? [operator, ...others] : requestedImages(wanted));
  if (images.length === 0) return wanted;
  const emit: MirrorOptions['emit'] = (event) => reporter.event({ ...event, step: 'mirror' });
  const { platforms } = config.images;
  const { concurrency } = config.mirror;
  const copying = { engine: 'registry', concurrency, platforms, noClobber: !clobber, referrers } as const;
  const how = { ...copying, signal, emit };
  return { ...wanted, work: { images, how } };
}

/** A layout has the images that others are copies of. The names in ECR are chosen when they are copied there. */
function withOrigins(images: readonly WantedImage[]): readonly WantedImage[] {
  const byOrigin = new Map<string, WantedImage>();
  for (const { copyOf, ...image } of images) {
    const source = copyOf ?? image.source;
    byOrigin.set(source, { ...image, source });
  }
  return [...byOrigin.values()];
}

/** An error and not a warning, because every image would lack what was asked for. */
const dockerWithoutReferrers = (): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: 'could not copy referrers with the Docker engine',
    why: 'it pulls images without their signatures, and pushes them with other digests, which no signature fits',
    hint: 'Pass --engine registry, or omit --referrers.',
  });

const unknownPlatforms = (): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: 'could not choose the platforms to copy',
    why: '--to asks no cluster for the platforms of its nodes',
    hint: 'Pass --platform linux/amd64, another list of platforms, or all.',
  });

function warnOfRejected({ reporter }: Session, rejected: readonly RejectedImage[]): void {
  for (const { reference, wantedBy, error } of rejected) {
    reporter.warn(`Skipped ${reference}, which ${wantedBy.join(', ')} references: ${error.why}`);
  }
}

async function chooseImages(
  { reporter }: Session,
  ctx: RunContext,
  named: readonly GivenReference[],
  { fromCluster = false, referrers = false }: MirrorCommandOptions,
): Promise<Pick<WantedImages, 'rejected' | 'refused'> & { readonly images: readonly WantedImage[] }> {
  if (named.length === 0 && !fromCluster && ctx.from) {
    const { references, unnamed, hasReferrers } = await imagesIn(ctx.from);
    if (references.length + unnamed.length === 0)
      reporter.warn(`${ctx.from.name} has no images; nothing to mirror.`);
    if (hasReferrers && !referrers)
      reporter.warn(`${ctx.from.name} also has signatures or other referrers; --referrers copies them.`);
    const wanted = await collectImages(ctx, { references, fromCluster, list: false });
    return { ...wanted, images: requestedImages(wanted), refused: [...wanted.refused, ...unnamed] };
  }
  if (named.length === 0 && !fromCluster) {
    const { operator, others, ...out } = await ctx.wantedImages();
    return { images: [operator, ...others], ...out };
  }
  const wanted = await collectImages(ctx, { references: named, fromCluster, list: false });
  return { ...wanted, images: requestedImages(wanted) };
}

async function mirrorOptions(
  session: Session,
  ctx: Context,
  { clobber = true, referrers = false }: MirrorCommandOptions,
): Promise<MirrorOptions> {
  const { reporter, signal } = session;
  const { engine, concurrency } = ctx.config.mirror;
  const platforms = await ctx.platforms();
  const odd = await oddNodesFinding(ctx);
  if (odd) reporter.warn(`${odd.what}: ${odd.why}. ${odd.hint}`);
  const emit: MirrorOptions['emit'] = (event) => reporter.event({ ...event, step: 'mirror' });
  return {
    engine,
    concurrency,
    platforms,
    noClobber: !clobber,
    referrers,
    prepare: new MissingRepositories({ ctx, signal, emit }).prepare,
    lookedUp: (manifests) => {
      const text = leastTimeText(manifests, 'manifests');
      if (text !== undefined) emit({ type: 'note', text });
    },
    signal,
    emit,
  };
}

const again = 'Fix the causes, then run the same command again. Images already copied are skipped.';

/** Images that the error names. */
const maxNamed = 5;

/**
 * The error has the reasons of every failed image with `--quiet`, which omits the view of `mirror`. Otherwise the view
 * has shown them.
 */
function incomplete(
  failed: readonly MirrorRow[],
  all: number,
  { verbosity, flags }: Pick<Session, 'verbosity' | 'flags'>,
): BootstrapError {
  const [first] = failed;
  const isOne = failed.length === 1;
  const errorOf = ({ source, error }: MirrorRow): BootstrapError =>
    new BootstrapError({
      code: 'mirror-incomplete',
      what: isOne ? `could not mirror ${source}` : `could not mirror ${failed.length} of ${all} images`,
      why: `${isOne ? '' : `${source}: `}${error?.why ?? ''}`,
      hint: error?.hint ?? '',
    });
  if (verbosity === 'quiet') return severalErrors(failed.map(errorOf));
  const { code, what, why, hint } = errorOf(first as MirrorRow);
  if (flags.output === 'json') return new BootstrapError({ code, what, why, hint: isOne ? hint : again });
  const names = failed.slice(0, maxNamed).map(({ source }) => source);
  const more = failed.length > maxNamed ? ` and ${failed.length - maxNamed} more` : '';
  if (all === 1) {
    return new BootstrapError({ code, what, why: 'the output shows the reason and the fix', hint: again });
  }
  return new BootstrapError({
    code,
    what: `${failed.length} of ${all} images failed`,
    why: `${names.join(', ')}${more}; the output shows the reasons and fixes`,
    hint: again,
  });
}

/** The references that were not copied, in the format of `--from-file`. */
export interface FailedList {
  /**
   * @param end the error that ends the run, if any. A failure to write the list must not replace it.
   * @throws BootstrapError `file-unwritable`
   */
  write(sources: readonly string[], end?: unknown): void;
}

/**
 * @param name the file of `--failed-to`. Without a name, nothing is written.
 * @throws BootstrapError `file-unwritable`, so that the run ends before it does any work
 */
export function openFailedList({ cwd, reporter }: Session, name: string | undefined): FailedList {
  if (name === undefined) return { write: () => undefined };
  const file: OutputFile = { path: resolve(cwd, name), name, hint: 'Give another file with --failed-to.' };
  prepareOutput(file);
  return {
    write(sources, end) {
      try {
        writeOutput(file, sources.map((source) => `${oneLine(source)}\n`).join(''));
      } catch (error) {
        if (end === undefined || !(error instanceof BootstrapError)) throw error;
        reporter.warn(error.message);
      }
    },
  };
}

/** Replaces line breaks, so that an invalid reference stays on one line of the list. */
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ');

/** The result of one image as commands show it. */
export function rowOf({ image, ...result }: MirrorResult): MirrorRow {
  return { source: image.source, wantedBy: image.wantedBy, ...result };
}

/** The row of an invalid reference from the command line or a list. It counts as a failed image. */
export function refusedRow({ reference, wantedBy, error }: RejectedImage): MirrorRow {
  const { code, what, why, hint } = error;
  return {
    source: reference,
    wantedBy,
    state: 'failed',
    platforms: [],
    bytesSent: 0,
    bytesMounted: 0,
    bytesSkipped: 0,
    requests: 0,
    seconds: 0,
    error: new BootstrapError(
      { code, what: `${wantedBy.join(' and ')}: ${what}`, why, hint },
      { cause: error },
    ),
  };
}
