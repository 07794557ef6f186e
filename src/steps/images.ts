import { tolerating } from '../core/members.ts';
import { imageTarget, withSizes } from '../mirror/copies.ts';
import { internetFindings } from '../mirror/image-findings.ts';
import {
  applyImages,
  diffImages,
  type ImagesChange,
  type ImagesState,
  observeImages,
} from '../mirror/images.ts';
import { pullsFromInternet } from '../mirror/internet.ts';
import type { Step } from './context.ts';

/** Copies all wanted images to ECR. A failed image does not stop the others. */
export const images: Step<ImagesState, ImagesChange> = {
  id: 'images',
  title: 'images in use or listed',
  group: 'images',
  needs: ['aws', 'sources'],
  rights: [
    { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['list'] },
    { apiGroups: ['apps'], resources: ['deployments', 'daemonsets', 'statefulsets'], verbs: ['list'] },
    { apiGroups: ['batch'], resources: ['jobs', 'cronjobs'], verbs: ['list'] },
    { apiGroups: [''], resources: ['configmaps'], verbs: ['get'] },
    { apiGroups: ['external-secrets.io'], resources: ['externalsecrets'], verbs: ['get'] },
  ],
  optionalRights: [
    { apiGroups: [''], resources: ['replicationcontrollers', 'podtemplates'], verbs: ['list'] },
    { apiGroups: ['apps'], resources: ['replicasets'], verbs: ['list'] },
  ],
  observe: observeImages,
  diff: diffImages,
  estimate: withSizes,
  apply: async (changes, _state, run) => tolerating(await applyImages(changes, run)),
  ready: ({ presence }) =>
    Promise.resolve(
      presence.flatMap(({ image, error }) => (error ? [{ target: imageTarget(image), error }] : [])),
    ),
  summary: ({ presence: { length } }) => ({
    text: length === 1 ? '1 image in ECR' : `${length} images in ECR`,
    members: { of: 'images', count: length },
  }),
  health: (_state, ctx) => internetFindings(ctx),
  nextSteps: pullsFromInternet,
};
