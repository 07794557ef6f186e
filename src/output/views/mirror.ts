import type { BootstrapError } from '../../core/errors.ts';
import { leastTimeText } from '../../mirror/rates.ts';
import type { Cell, Layout } from '../layout.ts';
import { formatBytes, formatDuration, plural, shortDigest } from '../units.ts';
import type { MirrorRow, MirrorView } from '../view.ts';

/** What was copied, then what failed, then the counts. Images that ECR had are only counted, unless verbose. */
export function mirrorLines(
  { images, dryRun, operatorYaml }: MirrorView,
  layout: Layout,
  verbose: boolean,
): string[] {
  const shown = images.filter(
    ({ error, state, referrers }) => !error && (verbose || isCopy(state) || referrers?.copied),
  );
  return [
    ...layout.table(
      shown.map((image) => rowOf(image, layout)),
      [
        { gap: 1, fit: 'never' },
        { min: 30 },
        { align: 'right', fit: 'never' },
        { fit: 'never' },
        { min: 20, fit: 'wrap' },
      ],
    ),
    ...failureLines(images, layout),
    ...(operatorYaml ? layout.wrap(`The operator's YAML has the SHA-256 ${operatorYaml.sha256}.`) : []),
    ...layout.wrap(summary(images, dryRun)),
    ...(dryRun ? leastTimeLines(images, layout) : []),
  ];
}

/** How long the copy would take at least, if that is noticeable. A copy itself reports it when it starts. */
function leastTimeLines(images: readonly MirrorRow[], layout: Layout): string[] {
  const text = leastTimeText(images.filter(({ state }) => isCopy(state)).length, 'images');
  return text === undefined ? [] : layout.wrap(`${text}.`);
}

const isCopy = (state: MirrorRow['state']): boolean => /^(copied|moved|would-copy|would-move)$/.test(state);
const isMove = (state: MirrorRow['state']): boolean => /^(moved|would-move)$/.test(state);

function rowOf(image: MirrorRow, { style, marks }: Layout): Cell[] {
  const { source, state, bytesSent, seconds } = image;
  const mark = isMove(state)
    ? { text: marks.update, paint: style.warn }
    : isCopy(state)
      ? { text: marks.create, paint: style.good }
      : { text: marks.ok, paint: style.good };
  return [
    mark,
    source,
    bytesSent > 0 ? formatBytes(bytesSent) : '',
    seconds > 0 ? { text: formatDuration(seconds * 1000), paint: style.dim } : '',
    notes(image),
  ];
}

function notes({ platforms, content, missingPlatforms = [], referrers, ...image }: MirrorRow): string {
  const to = image.targetDigest ?? image.sourceDigest;
  const moved =
    image.previousDigest === undefined ? [] : [shortDigest(image.previousDigest), '->', shortDigest(to)];
  const parts = [
    ...(image.state === 'kept' ? ['kept: the tag exists with other content'] : []),
    ...(moved.length > 0 ? [moved.join(' ')] : []),
    ...(platforms.length > 0 ? [platforms.join(', ')] : []),
    ...(content === 'reduced' ? ['without its other platforms'] : []),
    ...(referrers?.copied ? [plural(referrers.copied, 'referrer')] : []),
    ...(missingPlatforms.length > 0 ? [`the source has no ${missingPlatforms.join(', ')}`] : []),
  ];
  return parts.join('; ');
}

/** Failures with the same fix show it once. */
function failureLines(images: readonly MirrorRow[], layout: Layout): string[] {
  const { bad, dim } = layout.style;
  const failed = images.flatMap(({ source, error }) => (error ? [{ source, error }] : []));
  return failed.flatMap(({ source, error }, index) => [
    ...layout.wrap(`${headline(source, error)} ${dim(`[${error.code}]`)}`, {
      first: `${bad(layout.marks.failed)} `,
    }),
    ...(failed[index + 1]?.error.hint === error.hint
      ? []
      : layout.wrap(error.hint, { first: `    ${dim('fix:')} ` })),
  ]);
}

const headline = (source: string, { what, why }: BootstrapError): string =>
  `${what.includes(source) ? what : `${source}: ${what}`}: ${why}`;

/** Nothing without `--referrers`. */
function referrersSummary(images: readonly MirrorRow[], dryRun: boolean): string {
  const counted = images.flatMap(({ referrers }) => referrers ?? []);
  if (counted.length === 0) return '';
  const sum = (of: keyof (typeof counted)[number]) => counted.reduce((total, one) => total + one[of], 0);
  const [copied, skipped] = [sum('copied'), sum('skipped')];
  const parts = [
    dryRun ? `${copied} to copy` : `${copied} copied`,
    `${sum('current')} current`,
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ];
  return ` Referrers: ${parts.join(', ')}.`;
}

function summary(images: readonly MirrorRow[], dryRun: boolean): string {
  const count = (isCounted: (state: MirrorRow['state']) => boolean) =>
    images.filter(({ state }) => isCounted(state)).length;
  const sent = images.reduce((sum, image) => sum + image.bytesSent, 0);
  const [copied, failed] = [count(isCopy), count((state) => state === 'failed')];
  const kept = count((state) => state === 'kept');
  const parts = [
    dryRun
      ? `${copied} to copy`
      : `${copied} copied${copied > 0 && sent > 0 ? ` (${formatBytes(sent)})` : ''}`,
    `${count((state) => state === 'current')} current`,
    ...(kept > 0 ? [`${kept} kept`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ];
  return `${parts.join(', ')}.${referrersSummary(images, dryRun)}${dryRun ? ' Nothing was changed (dry run).' : ''}`;
}
