import type { KubeObject } from '../clients/kubernetes/port.ts';

interface EventTimes {
  readonly series?: { readonly lastObservedTime?: string } | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** When an Event last occurred, in milliseconds since the epoch; controllers set different fields. */
export function timeOf(event: KubeObject): number {
  const { series, lastTimestamp, eventTime } = event as KubeObject & EventTimes;
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp;
  return Date.parse(time ?? '') || 0;
}

/** The API server lists events by name, not by time. */
export const oldestFirst = (events: readonly KubeObject[]): readonly KubeObject[] =>
  [...events].sort((a, b) => timeOf(a) - timeOf(b) || versionOf(a) - versionOf(b));

/** The message of the event that occurred last. */
export function newestMessage(events: readonly KubeObject[]): string | undefined {
  const message = oldestFirst(events).at(-1)?.['message'];
  return typeof message === 'string' ? message : undefined;
}

/** Orders events of the same second. */
const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion) || 0;
