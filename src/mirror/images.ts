import type { Config } from '../config/schema.ts';
import { type Finding, finding } from '../core/findings.ts';
import type { Diff, Outcome } from '../core/step.ts';
import { oncePerContext } from '../core/once.ts';
import { type RejectedImage, sourceHost } from '../images/wanted.ts';
import type { MirrorContext, MirrorRun } from './context.ts';
import type { HeldImage } from './engine.ts';
import {
  copiesOf,
  type CopyChange,
  copyImages,
  imageTarget,
  isCopy,
  missingPlatformsFinding,
  observePresence,
} from './copies.ts';
import { oddNodesFinding, unreadFindings } from './image-findings.ts';
import type { Presence } from './presence.ts';
import { MissingRepositories, repositoryCreation } from './repositories/apply.ts';
import type { RepositoryCreation } from './repositories/state.ts';

export interface ImagePresence extends Presence {
  /** The error is from the source; ECR does not have the image. */
  readonly isOfSource?: boolean;
}

export interface ImagesState {
  readonly presence: readonly ImagePresence[];
  /** Image values of workloads that are not image references. */
  readonly rejected: readonly RejectedImage[];
  /** Names of missing repositories of the images to copy. */
  readonly newRepositories: readonly string[];
  readonly oddNodes: Finding | undefined;
  /** What may name further images. */
  readonly unread: readonly Finding[];
}

export type ImagesChange = CopyChange | RepositoryCreation;

/** What ECR and the sources have of the wanted images, other than the operator's. */
export const imagePresence = oncePerContext(async (ctx: MirrorContext): Promise<readonly ImagePresence[]> => {
  const { others } = await ctx.wantedImages();
  return withSources(await observePresence(others, ctx), ctx);
});

export async function observeImages(ctx: MirrorContext): Promise<ImagesState> {
  const [{ rejected }, presence] = await Promise.all([ctx.wantedImages(), imagePresence(ctx)]);
  const [missing, oddNodes, unread] = await Promise.all([
    newRepositories(presence, ctx),
    oddNodesFinding(ctx),
    unreadFindings(ctx),
  ]);
  return { presence, rejected, newRepositories: missing, oddNodes, unread };
}

export const diffImages = (
  { presence, rejected, newRepositories, oddNodes, unread }: ImagesState,
  { config }: MirrorContext,
): Diff<ImagesChange> => ({
  changes: [...newRepositories.map((name) => creationFor(name, presence, config)), ...copiesOf(presence)],
  findings: [
    ...(oddNodes ? [oddNodes] : []),
    ...unread,
    ...rejected.map(rejection),
    ...presence.flatMap(findingsOf),
  ],
});

function creationFor(name: string, presence: readonly Presence[], config: Config): RepositoryCreation {
  const image = presence.find((one) => one.image.repository === name)?.image;
  return { ...repositoryCreation(name, config), ...(image ? { label: sourceHost(image) } : {}) };
}

/** Copies the images, and creates a repository when an image for it was found at its source. */
export async function applyImages(
  changes: readonly ImagesChange[],
  run: MirrorRun,
): Promise<Outcome<ImagesChange>[]> {
  const repositories = new MissingRepositories(run);
  const copied = await copyImages(changes.filter(isCopy), run, {
    prepare: repositories.prepare,
    held: () => heldImages(run.ctx),
  });
  return [...(await repositories.outcomes(changes.filter(isCreation))), ...copied];
}

/** The wanted images that ECR has. */
const heldImages = async (ctx: MirrorContext): Promise<readonly HeldImage[]> =>
  (await imagePresence(ctx)).flatMap(({ image: { repository }, digest }) =>
    digest === undefined ? [] : [{ repository, digest }],
  );

const isCreation = (change: ImagesChange): change is RepositoryCreation => change.payload.does === 'create';

/** Looks up the images that ECR does not have at their sources. An unavailable image is a finding and not a change. */
export async function withSources(
  presence: readonly Presence[],
  ctx: MirrorContext,
): Promise<readonly ImagePresence[]> {
  const absent = presence.filter(({ digest, error }) => digest === undefined && !error);
  if (absent.length === 0) return presence;
  const unavailable = await ctx.mirror.unavailable(
    absent.map(({ image }) => image),
    { engine: ctx.config.mirror.engine, signal: new AbortController().signal },
  );
  return presence.map((one) => {
    const error = unavailable.get(one.image);
    return error ? { ...one, error, isOfSource: true } : one;
  });
}

async function newRepositories(
  presence: readonly Presence[],
  { aws }: MirrorContext,
): Promise<readonly string[]> {
  const copied = presence.filter(({ digest, error }) => digest === undefined && !error);
  if (copied.length === 0) return [];
  const existing = new Set((await aws.ecr.repositories()).map(({ name }) => name));
  const needed = new Set(copied.map(({ image }) => image.repository));
  return [...needed].filter((name) => !existing.has(name)).sort();
}

function findingsOf({ image, unavailablePlatforms, error, isOfSource }: ImagePresence): Finding[] {
  if (error) {
    const { what, why, hint } = error;
    return [
      finding(isOfSource ? 'image-unresolved' : 'image-unknown', {
        target: imageTarget(image),
        what,
        why,
        hint,
      }),
    ];
  }
  const unavailable = missingPlatformsFinding(image, unavailablePlatforms, 'ok');
  return unavailable ? [unavailable] : [];
}

const rejection = ({ reference, wantedBy, error }: RejectedImage): Finding =>
  finding('image-unresolved', {
    level: 'warning',
    target: { kind: 'image', name: reference },
    what: `could not mirror ${reference}, which ${wantedBy.join(', ')} ${wantedBy.length > 1 ? 'use' : 'uses'}`,
    why: error.why,
    hint: error.hint,
  });
