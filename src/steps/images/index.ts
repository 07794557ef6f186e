import type { Presence } from '../../mirror/port.ts';
import type { RejectedImage } from '../../images/port.ts';
import type { Finding, Outcome } from '../../plan/index.ts';
import type { Step } from '../context.ts';
import { internetFindings } from './findings.ts';
import { copiesOf, copy, imageTarget, observePresence, withoutPlatforms } from './presence.ts';

interface State {
  readonly presence: readonly Presence[];
  /** What the cluster names that is no image reference at all. */
  readonly rejected: readonly RejectedImage[];
}

/** Brings all wanted images into the ECR. One that fails does not keep the others. */
export const images: Step<State> = {
  id: 'images',
  title: 'images of the configuration and the cluster',
  needs: ['aws', 'sources'],
  rights: [
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['list'] },
    { apiGroups: ['apps'], resources: ['deployments', 'daemonsets', 'statefulsets'], verbs: ['list'] },
    { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['list'] },
  ],
  observe: async (ctx) => {
    const { others, rejected } = await ctx.wantedImages();
    return { presence: await observePresence(others, ctx), rejected };
  },
  diff: ({ presence, rejected }) => ({
    changes: copiesOf(presence),
    findings: [...rejected.map(rejection), ...presence.flatMap(findingsOf)],
  }),
  apply: async (changes, { presence }, run) => {
    const copied = await copy(changes, presence, run);
    const wantedBy = new Map(presence.map(({ image }) => [image.source, image.wantedBy]));
    return copied.map(({ change, result }): Outcome => {
      const { error } = result;
      if (!error) return { change, result: 'done' };
      if (!onlyInCluster(wantedBy.get(change.target.name)) || error.code !== 'image-missing') {
        return { change, result: 'failed', error, tolerable: true };
      }
      run.emit({ type: 'finding', finding: unresolved(change.target.name, error.why) });
      return { change, result: 'skipped' };
    });
  },
  ready: ({ presence }) =>
    Promise.resolve(
      presence.flatMap(({ image, error }) => (error ? [{ target: imageTarget(image), error }] : [])),
    ),
  health: (_state, ctx) => internetFindings(ctx),
};

/** Nobody wrote it down: a workload names it, perhaps by mistake. */
const onlyInCluster = (wantedBy: readonly string[] = []): boolean =>
  !wantedBy.some((by) => by === 'config' || by === 'operator');

const unresolved = (source: string, why: string): Finding => ({
  level: 'warning',
  code: 'image-unresolved',
  target: { kind: 'image', name: source },
  what: `image ${source}`,
  why,
  hint: `Mend the workload, or add this line under images.exclude: "- ${source}"`,
});

function findingsOf({ image, unavailablePlatforms, error }: Presence): Finding[] {
  if (error) {
    const { what, why, hint } = error;
    return [{ level: 'failed', code: 'image-unknown', target: imageTarget(image), what, why, hint }];
  }
  const unavailable = withoutPlatforms(image, unavailablePlatforms, 'ok');
  return unavailable ? [unavailable] : [];
}

const rejection = ({ reference, wantedBy, error }: RejectedImage): Finding => ({
  level: 'warning',
  code: 'image-unresolved',
  target: { kind: 'image', name: reference },
  what: `image ${reference}, named by ${wantedBy.join(', ')}`,
  why: error.why,
  hint: error.hint,
});
