import { type Command, Option } from 'commander';
import { durationArgument, examples, type Program } from './command.ts';
import { unlessAborted } from '../core/abort.ts';
import { BootstrapError, exitCodes, severalErrors } from '../core/errors.ts';
import { oncePerKey } from '../core/once.ts';
import type { Platforms } from '../core/platform.ts';
import { excluding } from '../images/exclude.ts';
import { sourceOf } from '../images/naming.ts';
import { canonical } from '../images/operator.ts';
import { formatReference, parseIfValid } from '../images/reference.ts';
import {
  type ImageUser,
  imageUserName,
  type RejectedImage,
  type WantedImage,
  wantedReference,
} from '../images/wanted.ts';
import type { Presence } from '../mirror/presence.ts';
import type { ImageRow, ImagesView } from '../output/index.ts';
import type { Context } from '../steps/context.ts';
import { isOfRegistry } from '../images/registry-alias.ts';
import { internetImages, mirroring } from '../mirror/internet.ts';
import { ecrImage, sourceNaming } from '../mirror/pulled-images.ts';
import { collectImages, isUnreachable, requestedImages } from '../run/collect-images.ts';
import { manifestError, readManifests } from '../run/manifests.ts';
import { showReading } from '../run/preflight.ts';
import type { Session } from '../run/session.ts';
import { unusedImages, type UnusedOptions } from '../run/unused-images.ts';
import { unreadText } from '../cluster/images.ts';

export function register(command: Command, program: Program): void {
  command
    .option('--from-cluster', 'list only the images that the cluster uses')
    .addOption(
      new Option(
        '--from-manifests <file>',
        'list only the images in Kubernetes YAML, without a cluster; - for standard input; repeat for several',
      )
        .argParser(files)
        .conflicts(['fromCluster', 'outside']),
    )
    .addOption(
      new Option('--missing', 'list only images that ECR lacks, whole or in part').conflicts('outside'),
    )
    .addOption(new Option('--check', 'like --missing, and exit 3 if there are any').conflicts('outside'))
    .option('--outside', 'list only images that workloads pull from the internet')
    .addOption(
      new Option('--unused', 'list what ECR has and nothing uses').conflicts([...otherLists, 'platform']),
    )
    .addOption(
      new Option('--prune', 'delete what ECR has and nothing uses').conflicts([...otherLists, 'platform']),
    )
    .option(
      '--older-than <duration>',
      'with --unused or --prune: only images pushed before (default: 1h)',
      durationArgument,
    )
    .option(
      '--keep <file>',
      'with --unused or --prune: keep the images that images -q listed for another cluster',
      files,
    )
    .option('-y, --yes', 'with --prune: delete without asking; required without a terminal')
    .option(
      '--platform <platforms>',
      'platforms to check: cluster, all, or a list, for example linux/amd64,linux/arm64',
    )
    .action((options: ImagesOptions) => program.run(command, (session) => run(session, options)));
  examples(command, [
    ['ecr-bootstrap images', 'List every image and its name in ECR'],
    ['ecr-bootstrap images --outside', 'List what workloads still pull from the internet'],
    [
      'ecr-bootstrap images --from-cluster -q >images.txt',
      'Write a list for mirror --from-file, without internet access',
    ],
    ['ecr-bootstrap images --unused', 'List what ECR has and nothing uses, with sizes'],
    [
      'ecr-bootstrap images --prune --keep staging.txt',
      'Delete it, except what images -q listed for another cluster',
    ],
    [
      'helm template web ./chart | ecr-bootstrap images --from-manifests - --check',
      'Let CI fail if ECR lacks an image of a release',
    ],
  ]);
}

const otherLists = ['fromCluster', 'fromManifests', 'missing', 'check', 'outside'];

/** The flag is repeated for several files, whose names can have a comma. */
const files = (file: string, before: readonly string[] = []): readonly string[] => [...before, file];

export interface ImagesOptions extends UnusedOptions {
  readonly unused?: boolean;
  readonly fromCluster?: boolean;
  readonly fromManifests?: readonly string[];
  readonly check?: boolean;
  readonly missing?: boolean;
  readonly outside?: boolean;
}

/** @throws BootstrapError `usage` for a flag that has no effect */
function run(session: Session, options: ImagesOptions): Promise<number> {
  const { unused, prune, keep, olderThan, yes } = options;
  if (unused || prune) {
    if (yes && !prune) throw withoutEffect('--yes', '--prune');
    return unusedImages(session, options);
  }
  if (keep) throw withoutEffect('--keep', '--unused or --prune');
  if (olderThan !== undefined) throw withoutEffect('--older-than', '--unused or --prune');
  if (yes) throw withoutEffect('--yes', '--prune');
  return images(session, options);
}

const givenTwice = new BootstrapError({
  code: 'usage',
  what: 'could not read the command line',
  why: '--from-manifests is given twice with the same file',
  hint: 'Give each file once.',
});

const withoutEffect = (flag: string, others: string): BootstrapError =>
  new BootstrapError({
    code: 'usage',
    what: 'could not read the command line',
    why: `${flag} has an effect only with ${others}`,
    hint: 'Run `ecr-bootstrap images --help`.',
  });

/** Lists images with their names in ECR, whether ECR has them, and who uses them. Resolves to the exit code. */
export async function images(session: Session, options: ImagesOptions): Promise<number> {
  const ctx = await session.context();
  await session.header();
  showReading(session);
  const { view, problems } = await unlessAborted(session.signal, () => lookUp(session, ctx, options));
  // An empty list would say that nothing is missing.
  if (view.images.length > 0 || problems.length === 0)
    await session.reporter.show({ type: 'images', data: view });
  if (problems.length > 0) throw severalErrors(problems);
  return options.check && view.images.length > 0 ? exitCodes.drift : exitCodes.done;
}

interface LookedUp {
  readonly view: ImagesView;
  /** Images that could not be read or looked up, where this must not stay unnoticed. */
  readonly problems: readonly BootstrapError[];
}

async function lookUp(session: Session, ctx: Context, options: ImagesOptions): Promise<LookedUp> {
  const { fromManifests, check = false, missing = check, outside = false } = options;
  const { wanted, rejected } = await imagesFrom(session, ctx, options);
  const [host, platforms] = await Promise.all([ctx.registryHost(), wantedPlatforms(session, ctx, options)]);
  const hasCluster = fromManifests === undefined;
  const isWhole = hasCluster && !options.fromCluster && !missing && !outside;
  // Only lists for programs have what else is used, which takes more requests.
  const hasUse = isWhole && (session.verbosity === 'quiet' || session.flags.output === 'json');
  const [presence, mirrored, used, { warnings, lacks }, outsiders] = await Promise.all([
    ctx.mirror.presence(wanted, platforms),
    hasCluster ? ifReachable(() => ctx.inventory.mirroredHosts(), []) : [],
    hasUse ? ifReachable(() => alsoUsedInEcr(ctx, wanted), nothingUsed) : undefined,
    hasCluster ? unreadIn(ctx, hasUse) : { warnings: [], lacks: [] },
    // The question of --outside has no answer without the cluster.
    outside
      ? workloadsOutside(ctx)
      : hasCluster
        ? ifReachable(() => workloadsOutside(ctx), noWorkloads)
        : noWorkloads,
  ]);
  for (const text of warnings) session.reporter.warn(text);
  const isMirrored = mirroring(mirrored, ctx.config);
  const rows = presence.map((one) => ({
    ...rowOf(one, host),
    outside: outsiders.get(one.image.source) ?? [],
    mirrored: isMirrored(one.image.source),
  }));
  const list = {
    registry: `${host}/${ctx.config.project}`,
    ...(hasCluster ? {} : ({ from: 'manifests' } as const)),
    ...(Array.isArray(platforms) && { platforms: [...(platforms as readonly string[])] }),
    ...(lacks.length > 0 && { lacks: [...lacks] }),
  };
  const problems = [
    ...rejected.map(manifestError),
    ...(check ? presence.flatMap(({ error }) => error ?? []) : []),
  ];
  if (missing) return { view: { ...list, images: rows.filter(isIncomplete), only: 'missing' }, problems };
  if (!outside) return { view: { ...list, images: rows, ...used }, problems };
  return {
    view: { ...list, images: rows.filter((row) => row.outside.length > 0), only: 'outside' },
    problems,
  };
}

interface Unread {
  readonly warnings: readonly string[];
  /** Why images may be missing in the list. */
  readonly lacks: readonly string[];
}

/** What could not be read. @param hasUse whether the list has {@link alsoUsedInEcr} */
async function unreadIn({ inventory }: Context, hasUse: boolean): Promise<Unread> {
  try {
    const all = hasUse ? (await inventory.imageUse()).unread : await inventory.unreadImages();
    const lacks = all.filter(({ isBlind }) => isBlind);
    return { warnings: all.map(unreadText), lacks: lacks.map(unreadText) };
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    const lacks = [`the images of the cluster are missing: ${error.why}`];
    return { warnings: lacks, lacks };
  }
}

type Used = Required<Pick<ImagesView, 'alsoUsed' | 'running'>>;

/**
 * What the cluster uses and ECR has in addition to the wanted images, so that a list of the images in use is complete: earlier
 * revisions, excluded images, and the digests that pods run, because a tag may have moved.
 */
async function alsoUsedInEcr(ctx: Context, wanted: readonly WantedImage[]): Promise<Used> {
  const [{ sources }, running, host] = await Promise.all([
    ctx.inventory.imageUse(),
    ctx.inventory.runningImages(),
    ctx.registryHost(),
  ]);
  const keyOf = ({ repository, tag }: WantedImage): string => `${repository} ${tag}`;
  const nameAtSource = sourceNaming(host, ctx.config);
  const listed = new Set(wanted.map(keyOf));
  const others = new Map<string, WantedImage>();
  for (const text of new Set([...running, ...sources.flatMap(({ images }) => images)])) {
    const reference = parseIfValid(nameAtSource(text));
    const image = reference && ecrImage(canonical(reference), host, ctx.config);
    if (!image || image instanceof BootstrapError || listed.has(keyOf(image))) continue;
    others.set(keyOf(image), image);
  }
  const presence = await ctx.mirror.presence([...others.values()], 'all');
  const found = presence.flatMap(({ image, digest, error }) =>
    digest === undefined && !error ? [] : [image],
  );
  const digests = new Set(found.map(({ tag }) => tag));
  const isListed = (id: string): boolean => id.includes('@') && digests.has(id.replace(/^.*@/, ''));
  return {
    alsoUsed: found.map(({ source }) => source).sort(),
    running: running.filter((id) => !isListed(id)).sort(),
  };
}

const nothingUsed: Used = { alsoUsed: [], running: [] };

const noWorkloads: ReadonlyMap<string, string[]> = new Map();

interface ChosenImages {
  readonly wanted: readonly WantedImage[];
  /** Images of manifests that cannot be mirrored. `up` and `status` report those of the cluster. */
  readonly rejected: readonly RejectedImage[];
}

async function imagesFrom(
  session: Session,
  ctx: Context,
  { fromCluster = false, fromManifests }: ImagesOptions,
): Promise<ChosenImages> {
  const from = { references: [], list: false };
  if (fromManifests !== undefined) {
    if (new Set(fromManifests).size < fromManifests.length) throw givenTwice;
    const read = await Promise.all(fromManifests.map((file) => readManifests(session, file)));
    const manifests = read.flat();
    const found = await collectImages(ctx, { ...from, fromCluster: false, manifests });
    const wanted = [
      ...requestedImages(found),
      ...pushedImages(manifests, await ctx.registryHost(), ctx.config),
    ];
    return { wanted, rejected: found.rejected };
  }
  if (fromCluster) {
    const found = await collectImages(ctx, { ...from, fromCluster });
    return { wanted: requestedImages(found), rejected: [] };
  }
  const { operator, others } = await ctx.wantedImages();
  return { wanted: [operator, ...others], rejected: [] };
}

/** Images of the project that manifests name in ECR and that are not copies: users pushed them there. */
function pushedImages(
  manifests: readonly ImageUser[],
  registryHost: string,
  config: Context['config'],
): readonly WantedImage[] {
  const { project, images } = config;
  const { exclude, map } = images;
  const isExcluded = excluding(exclude);
  const imageOf = oncePerKey((text): WantedImage | undefined => {
    const reference = parseIfValid(text);
    if (!reference || !isOfRegistry(reference, registryHost) || isExcluded(reference)) return undefined;
    const isCopy = sourceOf(reference, { project, map }) !== undefined;
    const image = isCopy ? undefined : ecrImage(reference, registryHost, config);
    return image instanceof BootstrapError || !image?.repository.startsWith(`${project}/`)
      ? undefined
      : image;
  });
  const found = new Map<string, { readonly image: WantedImage; readonly users: Set<string> }>();
  for (const user of manifests) {
    for (const image of user.images.map(imageOf)) {
      if (!image) continue;
      const { users } = found.get(image.source) ?? { users: new Set() };
      found.set(image.source, { image, users: users.add(imageUserName(user)) });
    }
  }
  return [...found.values()].map(({ image, users }) => ({ ...image, wantedBy: [...users] }));
}

/** Manifests are checked without a cluster, whose nodes would have platforms. */
async function wantedPlatforms(
  { reporter }: Session,
  ctx: Context,
  { fromManifests, check, missing }: ImagesOptions,
): Promise<Platforms> {
  const isOfCluster = ctx.config.images.platforms === 'cluster';
  if (fromManifests !== undefined && isOfCluster) return 'all';
  try {
    return await ctx.platforms();
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    const isDenied = (error.cause as BootstrapError | undefined)?.code === 'cluster-denied';
    // Without them, the list is right, but not what is missing in it.
    if (!isDenied || check || missing) throw error;
    reporter.warn(`${error.what}: ${error.why}`);
    return 'all';
  }
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
