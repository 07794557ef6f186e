import type { KubeObject } from '../clients/kubernetes/port.ts';

interface EventTimes {
  readonly series?: { readonly lastObservedTime?: string } | null;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** When an Event was seen last, in milliseconds since the epoch; controllers fill different fields. */
export function timeOf(event: KubeObject): number {
  const { series, lastTimestamp, eventTime } = event as KubeObject & EventTimes;
  const time = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp;
  return Date.parse(time ?? '') || 0;
}

/** A list comes in the order of names, which says nothing about time. */
export const oldestFirst = (events: readonly KubeObject[]): readonly KubeObject[] =>
  [...events].sort((a, b) => timeOf(a) - timeOf(b) || versionOf(a) - versionOf(b));

/** Times of one second differ only in this. */
const versionOf = ({ metadata }: KubeObject): number => Number(metadata.resourceVersion) || 0;
