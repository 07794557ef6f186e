import type { Presence } from '../mirror/presence.ts';
import type { RejectedImage } from '../images/wanted.ts';
import type { Outcome } from '../core/step.ts';
import type { Finding } from '../core/findings.ts';
import { tolerating } from '../core/members.ts';
import type { Context, Step } from './context.ts';
import { MissingRepositories, repositoryCreation } from '../mirror/repositories/create.ts';
import { repositoryKind } from '../mirror/repositories/diff.ts';
import { internetFindings, oddNodesFinding } from '../mirror/image-findings.ts';
import { copiesOf, copy, imageTarget, observePresence, missingPlatformsFinding } from '../mirror/copies.ts';
import { finding } from '../core/findings.ts';
import { pullsFromInternet } from '../mirror/internet.ts';

interface ImagePresence extends Presence {
  /** The error is from the source; ECR does not have the image. */
  readonly isOfSource?: boolean;
}

interface ImagesState {
  readonly presence: readonly ImagePresence[];
  /** What workloads use as an image and what is not an image reference. */
  readonly rejected: readonly RejectedImage[];
  /** Names of missing repositories of the images to copy. */
  readonly newRepositories: readonly string[];
  readonly oddNodes: Finding | undefined;
}

/** Copies all wanted images to ECR. A failed image does not stop the others. */
export const images: Step<ImagesState> = {
  id: 'images',
  title: 'images in use or listed',
  needs: ['aws', 'sources'],
  rights: [
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['list'] },
    { apiGroups: ['apps'], resources: ['deployments', 'daemonsets', 'statefulsets'], verbs: ['list'] },
    { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['list'] },
  ],
  observe: async (ctx) => {
    const { others, rejected } = await ctx.wantedImages();
    const presence = await withSources(await observePresence(others, ctx), ctx);
    const [missing, oddNodes] = await Promise.all([newRepositories(presence, ctx), oddNodesFinding(ctx)]);
    return { presence, rejected, newRepositories: missing, oddNodes };
  },
  diff: ({ presence, rejected, newRepositories, oddNodes }, { config }) => ({
    changes: [...newRepositories.map((name) => repositoryCreation(name, config)), ...copiesOf(presence)],
    findings: [...(oddNodes ? [oddNodes] : []), ...rejected.map(rejection), ...presence.flatMap(findingsOf)],
  }),
  apply: async (changes, { presence }, run) => {
    const repositories = new MissingRepositories(run);
    const copied = await copy(changes, presence, run, repositories.prepare);
    const planned = changes.filter(({ target }) => target.kind === repositoryKind);
    return tolerating([
      ...(await repositories.outcomes(planned)),
      ...copied.map(({ change, result: { error } }): Outcome =>
        error ? { change, result: 'failed', error } : { change, result: 'done' },
      ),
    ]);
  },
  ready: ({ presence }) =>
    Promise.resolve(
      presence.flatMap(({ image, error }) => (error ? [{ target: imageTarget(image), error }] : [])),
    ),
  health: (_state, ctx) => internetFindings(ctx),
  nextSteps: pullsFromInternet,
};

/** Asks the sources of images that ECR does not have. An unavailable image is a finding and not a change. */
async function withSources(presence: readonly Presence[], ctx: Context): Promise<readonly ImagePresence[]> {
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

async function newRepositories(presence: readonly Presence[], { aws }: Context): Promise<readonly string[]> {
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
        level: 'failed',
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
    target: { kind: 'image', name: reference },
    what: `could not mirror ${reference}, which ${wantedBy.join(', ')} ${wantedBy.length > 1 ? 'use' : 'uses'}`,
    why: error.why,
    hint: error.hint,
  });
