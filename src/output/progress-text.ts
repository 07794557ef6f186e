import type { Progress } from '../core/step.ts';
import type { Layout } from './layout.ts';
import { formatBytes, formatDuration, plural } from './units.ts';

/** Work in progress, and its speed per second if it is known. */
export interface ActiveProgress {
  readonly progress: Progress;
  readonly rate?: number | undefined;
}

/** The mirror reports the whole run under this ID, and each image under its source. */
const whole = 'images';

/** Columns below which there is no room for bars. */
const minBarsWidth = 50;
const [nameWidth, barWidth] = [26, 14];

/**
 * Work in progress. With room for several bars, the first line shows the whole run, and one line each of the images
 * follows. Otherwise, one line shows everything.
 */
export function progressLines(
  underWay: readonly ActiveProgress[],
  width: number,
  layout: Layout,
  maxBars: number,
): string[] {
  const parts = underWay.filter(isPart);
  if (maxBars <= 0 || width < minBarsWidth || parts.length === 0) {
    const text = progressText(underWay, width, layout);
    return text === '' ? [] : [text];
  }
  const others = underWay.filter((one) => !isPart(one));
  const shown = parts.length > maxBars ? maxBars - 1 : parts.length;
  return [
    progressText(others, width, layout),
    ...parts.slice(0, shown).map(({ progress }) => barLine(progress, layout)),
    ...(parts.length > shown ? [`${layout.marks.more} ${parts.length - shown} more`] : []),
  ];
}

/** `nginx:1.27   ███████████░░░   78%` */
function barLine(progress: Progress, layout: Layout): string {
  const { id, done, total = 0 } = progress;
  const full = Math.floor((barWidth * done) / total);
  const bar = layout.marks.barDone.repeat(full) + layout.marks.barLeft.repeat(barWidth - full);
  const name = layout.pad(layout.shorten(shortName(id), nameWidth), nameWidth);
  return `${name}  ${bar}  ${layout.pad(percent(progress), 4, 'right')}`;
}

/** Work in progress as one line of at most `width` characters: the whole run, then as many images as fit. */
export function progressText(underWay: readonly ActiveProgress[], width: number, layout: Layout): string {
  const separator = ` ${layout.marks.separator} `;
  const all = underWay.find(({ progress }) => progress.id === whole);
  if (!all) return layout.truncate(underWay.map((one) => described(one, separator)).join('  '), width);
  const parts = underWay
    .filter(isPart)
    .map(({ progress }) => `${shortName(progress.id)} ${percent(progress)}`);
  return withParts(fitting(figures(all), width, separator), parts, width, separator);
}

/** As many of the figures as fit, in order of importance. */
function fitting(texts: readonly string[], width: number, separator: string): string {
  let line = '';
  for (const text of texts) {
    const longer = line === '' ? text : `${line}${separator}${text}`;
    if (longer.length > width) break;
    line = longer;
  }
  return line;
}

function figures({ progress, rate }: ActiveProgress): string[] {
  const { unit, active = 0, members } = progress;
  return [
    ...(members ? [`${members.done} of ${plural(members.total, 'image')}`] : []),
    amount(progress),
    ...(unit === 'bytes' && rate !== undefined ? [`${formatBytes(rate)}/s`] : []),
    ...timeLeft(progress, rate),
    ...(active > 0 ? [plural(active, 'blob')] : []),
  ];
}

const described = ({ progress, rate }: ActiveProgress, separator: string): string =>
  `${progress.label} ${figures({ progress, rate }).join(separator)}`;

function amount({ done, total, unit }: Progress): string {
  const show = unit === 'bytes' ? formatBytes : String;
  return `${show(done)}${total === undefined ? '' : ` of ${show(total)}`}`;
}

function timeLeft({ done, total }: Progress, rate: number | undefined): string[] {
  if (total === undefined || rate === undefined || done >= total) return [];
  return [`${formatDuration(((total - done) / rate) * 1000)} left`];
}

/** An image that is being copied. */
const isPart = ({ progress: { id, unit, done, total = 0 } }: ActiveProgress): boolean =>
  id !== whole && unit === 'bytes' && done > 0 && done < total;

const percent = ({ done, total = 0 }: Progress): string => `${Math.floor((100 * done) / total)}%`;

const shortName = (source: string): string => source.slice(source.lastIndexOf('/') + 1);

function withParts(head: string, parts: readonly string[], width: number, separator: string): string {
  for (let shown = parts.length; shown > 0; shown -= 1) {
    const more = parts.length > shown ? [`${parts.length - shown} more`] : [];
    const line = [head, [...parts.slice(0, shown), ...more].join(', ')].join(separator);
    if (line.length <= width) return line;
  }
  return head;
}
