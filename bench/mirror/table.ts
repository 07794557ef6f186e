import {
  type Comparison,
  type Phase,
  phases,
  rowsOf,
  roundTripMs,
  type Row,
  type Spread,
} from './results.ts';
import { fastestPeer, slowdownOf, targetsOf } from './targets.ts';
import { isPeer, labelOf } from './tools.ts';

const legend =
  'Seconds and ratios are medians with their range, attempts and memory are the highest, and other figures are medians. ' +
  'Ratio: the seconds divided by those of ecr-bootstrap in the same round. ' +
  'Source: the bytes of blobs that the source sent, divided by those of all blobs counted once.';

/** One table with the figures of all tools. */
export function figures(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    phases.flatMap((phase) =>
      rowsOf(comparison, phase).map((row) => [comparison.set, phase, ...figuresOf(row)]),
    ),
  );
  const head = [
    'set',
    'phase',
    'tool',
    'seconds',
    'ratio',
    'attempts',
    'requests',
    'source',
    'CPU s',
    'memory',
  ];
  const parts = [
    table(['set', 'images', "at ECR's rate"], 2, comparisons.map(setOf)),
    legend,
    table(head, 3, rows),
    ...slowdowns(comparisons),
    measuredOn(comparisons),
  ];
  return [...parts, ''].join('\n\n');
}

/** The published results: all figures, then the targets. */
export function markdown(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    targetsOf(comparison, comparisons).map(({ phase, wanted, measured, isMet }) => [
      ...[comparison.set, phase, wanted, measured],
      isMet ? 'met' : '**missed**',
    ]),
  );
  const targets = table(['set', 'phase', 'wanted', 'measured', ''], 3, rows);
  return `${figures(comparisons)}${countMet(comparisons)}:\n\n${targets}\n`;
}

/** ECR's rate applies to sets of many manifests. */
const setOf = ({ set, title, ecrFloorSeconds }: Comparison): string[] => [
  set,
  title,
  ecrFloorSeconds < 1 ? '' : `at least ${Math.round(ecrFloorSeconds)} s`,
];

/** How much slower refused requests make each tool. */
function slowdowns(comparisons: readonly Comparison[]): string[] {
  const rows = comparisons.flatMap((comparison) =>
    rowsOf(comparison, 'cold').flatMap(({ tool }) => {
      const slowdown = slowdownOf(comparison, tool, comparisons);
      return slowdown === undefined ? [] : [[comparison.set, labelOf(tool), slowdown.toFixed(2)]];
    }),
  );
  if (rows.length === 0) return [];
  return ['Cold seconds, divided by those without refusals:', table(['set', 'tool', 'ratio'], 2, rows)];
}

const figuresOf = ({ tool, seconds, ratio, ...row }: Row): string[] => [
  labelOf(tool),
  withRange(seconds),
  ratio && tool !== 'registry' ? withRange(ratio) : '',
  String(row.maxAttempts),
  String(row.requests),
  row.sourceShare.toFixed(2),
  row.cpuSeconds.toFixed(2),
  `${Math.round(row.maxMemoryBytes / 1e6)} MB`,
];

/** The median, and the range if there is one. */
export const withRange = ({ min, median, max }: Spread): string =>
  min === max ? median.toFixed(2) : `${median.toFixed(2)} (${min.toFixed(2)} – ${max.toFixed(2)})`;

function measuredOn(comparisons: readonly Comparison[]): string {
  const distinct = (texts: readonly string[]) => [...new Set(texts)].join(' and ');
  const days = distinct(comparisons.map(({ measuredAt }) => measuredAt.slice(0, 10)));
  const machines = distinct(comparisons.map(({ machine }) => machine));
  const versions = comparisons.flatMap((comparison) => Object.entries(comparison.versions));
  const programs = [...new Set(versions.map((version) => version.join(' ')))].join(', ');
  return `Measured on ${days} on ${machines} with ${programs}.`;
}

/** @param texts how many columns hold text and are aligned to the left */
export function table(head: readonly string[], texts: number, rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index < texts ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function countMet(comparisons: readonly Comparison[]): string {
  const targets = comparisons.flatMap((comparison) => targetsOf(comparison, comparisons));
  return `${targets.filter(({ isMet }) => isMet).length} of ${targets.length} targets are met`;
}

/** The section of the README: the result and the chart. Paths start at the root of the repository. */
export function summary(comparisons: readonly Comparison[]): string {
  const [cold, warm] = phases.map((phase) => rangeOf(comparisons.map((one) => speedOf(one, phase))));
  const rows = comparisons.flatMap((comparison) => rowsOf(comparison, 'cold'));
  const own = rows.filter(({ tool }) => tool === 'registry');
  const peers = rows.filter(({ tool }) => isPeer(tool));
  const most = (some: readonly Row[]) => Math.max(...some.map(({ sourceShare }) => sourceShare)).toFixed(2);
  return `Copying is ${cold} times as fast as with the fastest of crane, regctl and skopeo, and ${warm} times if nothing is new. At most
${most(own)} times the unique bytes come from the source; with the others, up to ${most(peers)} times. The registries are ${roundTripMs} ms apart; see
[how it is measured](bench/README.md) and [all figures](bench/results/results.md).

![Seconds to copy sets of images, with ecr-bootstrap, crane, regctl and skopeo](bench/results/results.svg)`;
}

/** How many times as fast as the fastest other tool. */
function speedOf(comparison: Comparison, phase: Phase): number {
  const rows = rowsOf(comparison, phase);
  const own = rows.find(({ tool }) => tool === 'registry');
  const peer = fastestPeer(rows);
  if (!own || !peer) throw new Error('the published results lack a tool');
  return peer.seconds.median / own.seconds.median;
}

const rangeOf = (values: readonly number[]): string =>
  `${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}`;
