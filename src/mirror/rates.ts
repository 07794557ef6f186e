import type { Rates } from '../clients/registry/limiter.ts';

/**
 * ECR's published default quotas, in requests per second and region: PutImage, InitiateLayerUpload,
 * CompleteLayerUpload, GetDownloadUrlForLayer, and BatchCheckLayerAvailability as the lowest of the others.
 *
 * They are also the most that is sent to an account with higher quotas. Its quota can only be found by exceeding it. All
 * clients of the account share it, so that would make the pushes of others fail. It would save seconds in a run that
 * copies hundreds of images. The congestion windows adapt to a lower rate, when others use the quota too.
 */
export const ecrRates = {
  'put-manifest': 10,
  'start-upload': 100,
  'finish-upload': 100,
  'read-blob': 3000,
  other: 1000,
} as const satisfies Rates;

/** Less is not worth a line. In seconds. */
const notedSeconds = 5;

/**
 * The least time for manifests at ECR's rate.
 * @param what the manifests, or what needs at least one each
 * @returns undefined when it is hardly noticeable
 */
export function leastTimeText(count: number, what: string): string | undefined {
  const perSecond = ecrRates['put-manifest'];
  const seconds = Math.floor(count / perSecond);
  if (seconds < notedSeconds) return undefined;
  return `${count} ${what} take at least ${seconds} s: ECR accepts ${perSecond} manifests a second`;
}
