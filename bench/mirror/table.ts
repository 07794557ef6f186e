import {
  type Comparison,
  type Phase,
  phases,
  rowsOf,
  roundTripMs,
  type Row,
  type Spread,
} from './results.ts';
import { fastestPeer, targetsOf } from './targets.ts';
import { labelOf } from './tools.ts';

const legend =
  'Seconds and ratios are medians with their range, requests and CPU seconds are medians, and memory is the peak. ' +
  'Ratio: the seconds divided by those of ecr-bootstrap in the same round.';

/** One table with the figures of all tools. */
export function figures(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    phases.flatMap((phase) =>
      rowsOf(comparison, phase).map((row) => [scopeOf(comparison), phase, ...figuresOf(row)]),
    ),
  );
  const head = ['set', 'phase', 'tool', 'seconds', 'ratio', 'requests', 'CPU s', 'memory'];
  return [legend, table(head, 3, rows), measuredOn(comparisons), ''].join('\n\n');
}

/** The published results: all figures, then the targets. */
export function markdown(comparisons: readonly Comparison[]): string {
  const rows = comparisons.flatMap((comparison) =>
    targetsOf(comparison).map(({ phase, wanted, measured, isMet }) => [
      ...[scopeOf(comparison), phase, wanted, measured],
      isMet ? 'met' : '**missed**',
    ]),
  );
  const targets = table(['set', 'phase', 'wanted', 'measured', ''], 3, rows);
  return `${figures(comparisons)}${countMet(comparisons)}:\n\n${targets}\n`;
}

const scopeOf = ({ set, transport }: Comparison): string => (transport === 'http' ? set : `${set}, TLS`);

const figuresOf = ({ tool, seconds, ratio, requests, cpuSeconds, maxMemoryBytes }: Row): string[] => [
  labelOf(tool),
  withRange(seconds),
  ratio && tool !== 'registry' ? withRange(ratio) : '',
  String(requests),
  cpuSeconds.toFixed(2),
  `${Math.round(maxMemoryBytes / 1e6)} MB`,
];

const withRange = ({ min, median, max }: Spread): string =>
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
function table(head: readonly string[], texts: number, rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index < texts ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

function countMet(comparisons: readonly Comparison[]): string {
  const targets = comparisons.flatMap(targetsOf);
  return `${targets.filter(({ isMet }) => isMet).length} of ${targets.length} targets are met`;
}

/** The section of the README: the result and the chart. Paths start at the root of the repository. */
export function summary(comparisons: readonly Comparison[]): string {
  const [cold, warm] = phases.map((phase) => rangeOf(comparisons.map((one) => speedOf(one, phase))));
  return `Copying is ${cold} times as fast as with the fastest of crane, regctl and skopeo, and ${warm} times if nothing is new. The
registries are ${roundTripMs} ms apart; see [how it is measured](bench/README.md) and [all figures](bench/results/results.md).

![Seconds to copy five sets of images, with ecr-bootstrap, crane, regctl and skopeo](bench/results/results.svg)`;
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
