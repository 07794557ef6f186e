import { type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { targetsOf } from './targets.ts';
import { describeTool } from './tools.ts';

const columns = [
  'tool',
  'seconds',
  'min – max',
  'speed',
  'requests',
  'CPU s',
  'CPU s / GB',
  'others CPU s',
  'load',
  'memory MB',
];

/** The results as Markdown: what was aimed at, then all figures. */
export function markdown(comparisons: readonly Comparison[]): string {
  const legend =
    'Seconds, requests, CPU seconds and memory are medians. Speed: the fastest of crane, regctl and skopeo is 1. ' +
    'Others: the registries and what makes them far. Load: the share of all processors that the tool and these took; near 100 % the processors bound the time, not the tool.';
  return [...targets(comparisons), legend, ...comparisons.map(section), ''].join('\n\n');
}

function targets(comparisons: readonly Comparison[]): string[] {
  const all = comparisons.flatMap(targetsOf);
  if (all.length === 0) return [];
  const met = all.filter(({ isMet }) => isMet).length;
  const rows = all.map(({ of, wanted, measured, isMet }) => [
    of,
    wanted,
    measured,
    isMet ? 'met' : '**missed**',
  ]);
  return [
    '### Targets of the registry engine',
    `${met} of ${all.length} are met.`,
    table(['set', 'wanted', 'measured', ''], 3, rows),
  ];
}

function section(comparison: Comparison): string {
  const { set, title, transport, roundTrip, measuredAt, machine, versions } = comparison;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `### ${set}: ${title}; ${transport}, ${roundTrip} ms round trip`,
    ...phases.map((phase) => figures(comparison, phase)),
    `Measured ${measuredAt.slice(0, 10)} on ${machine} with ${used.join(', ')}.`,
  ].join('\n\n');
}

function figures(comparison: Comparison, phase: Phase): string {
  const rows = rowsOf(comparison, phase).map((row) => cells(row, phase));
  return `**${phase}**, at least ${comparison.floor[phase]} requests\n\n${table(columns, 1, rows)}`;
}

/** @param texts how many columns have text, and stand to the left */
export function table(head: readonly string[], texts: number, rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index < texts ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const cells = (row: Row, phase: Phase): string[] => [
  describeTool(row.tool),
  row.seconds.median.toFixed(2),
  row.repetitions === 1 ? 'once' : `${row.seconds.min.toFixed(2)} – ${row.seconds.max.toFixed(2)}`,
  row.speed === undefined ? '' : `${row.speed.toFixed(row.speed < 10 ? 2 : 1)}×`,
  String(Math.round(row.requests)),
  row.cpuSeconds.toFixed(2),
  // What finds nothing new moves no gigabytes.
  phase === 'cold' ? row.cpuSecondsPerGb.toFixed(2) : '',
  row.otherCpuSeconds?.toFixed(2) ?? '',
  row.load === undefined ? '' : `${Math.round(row.load * 100)} %`,
  String(Math.round(row.peakMemory / 1e6)),
];
