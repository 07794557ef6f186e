import { buildRatios, type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { targetRoundTripMs, targetsOf } from './targets.ts';
import { describeTool, peers } from './tools.ts';

const legend =
  'Seconds, requests, CPU seconds and memory are medians. Speed: the fastest of crane, regctl and skopeo is 1. ' +
  'Other CPU: the registries and the latency proxies. Load: the share of all processors that the tool and these took; ' +
  'near 100 % the processors limit the speed, not the tool.';

/** The results as Markdown: the targets, then all figures. */
export function markdown(comparisons: readonly Comparison[]): string {
  return [...targets(comparisons), legend, ...comparisons.map(section), ''].join('\n\n');
}

function targets(comparisons: readonly Comparison[]): string[] {
  const all = comparisons.flatMap(targetsOf);
  if (all.length === 0) return [];
  const rows = all.map(({ scope, wanted, measured, isMet }) => [
    ...[scope, wanted, measured],
    isMet ? 'met' : '**missed**',
  ]);
  return [
    '### Targets of the registry engine',
    `${all.filter(({ isMet }) => isMet).length} of ${all.length} are met.`,
    table(['set', 'wanted', 'measured', ''], 3, rows),
  ];
}

function section(comparison: Comparison): string {
  const { set, title, transport, roundTripMs, measuredAt, machine, versions, floor } = comparison;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `### ${set}: ${title}; ${transport}, ${roundTripMs} ms round trip`,
    ...phases.flatMap((phase) => [
      `**${phase}**, at least ${floor[phase]} requests`,
      table(
        columns,
        1,
        rowsOf(comparison, phase).map((row) => cells(row, phase)),
      ),
      ...builds(comparison, phase),
    ]),
    `Measured ${measuredAt.slice(0, 10)} on ${machine} with ${used.join(', ')}.`,
  ].join('\n\n');
}

const columns = [
  ...['tool', 'seconds', 'min – max', 'speed', 'requests'],
  ...['CPU s', 'CPU s / GB', 'other CPU s', 'load', 'memory MB'],
];

const cells = (row: Row, phase: Phase): string[] => [
  describeTool(row.tool),
  row.seconds.median.toFixed(2),
  row.repetitions === 1 ? 'once' : `${row.seconds.min.toFixed(2)} – ${row.seconds.max.toFixed(2)}`,
  row.speed === undefined ? '' : `${row.speed.toFixed(row.speed < 10 ? 2 : 1)}×`,
  String(Math.round(row.requests)),
  row.cpuSeconds.toFixed(2),
  // A warm run moves no gigabytes.
  phase === 'cold' ? row.cpuSecondsPerGb.toFixed(2) : '',
  row.otherCpuSeconds.toFixed(2),
  `${Math.round(row.load * 100)} %`,
  String(Math.round(row.peakMemoryBytes / 1e6)),
];

const builds = (comparison: Comparison, phase: Phase): string[] =>
  [...buildRatios(comparison, phase)].map(
    ([tool, { min, median, max }]) =>
      `${tool} takes ${median.toFixed(2)} times the seconds of this build (${min.toFixed(2)} – ${max.toFixed(2)}).`,
  );

/** @param texts how many columns hold text and are aligned to the left */
function table(head: readonly string[], texts: number, rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index < texts ? '---' : '---:'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The section of the README: a table, the chart and a paragraph. Paths start at the root of the repository. */
export function summary(all: readonly Comparison[]): string {
  const comparisons = all.filter(({ roundTripMs }) => roundTripMs === targetRoundTripMs);
  const others = 'fastest of crane, regctl, skopeo';
  const head = ['', 'ecr-bootstrap', others, '', 'again, nothing new', 'fastest', ''];
  const judged = comparisons.flatMap(targetsOf);
  const days = [...new Set(comparisons.map(({ measuredAt }) => measuredAt.slice(0, 10)))].sort();
  const machines = [...new Set(comparisons.map(({ machine }) => machine))];
  return [
    `Seconds to copy images from registry to registry, ${targetRoundTripMs} ms away. crane, regctl and skopeo copy eight images at once.`,
    table(head, 1, comparisons.flatMap(summaryRow)),
    '![Seconds of every tool](bench/results/results.svg)',
    [
      ...comparisons.flatMap(loopSentence),
      `Measured on ${days.join(' and ')} on ${machines.join(' and ')}; medians.`,
      `${judged.filter(({ isMet }) => isMet).length} of ${judged.length} targets are met; see [all figures](bench/results/results.md)`,
      'and [how they are measured](bench/README.md). To repeat the measurement:',
    ].join('\n'),
    '```sh\nnpm run bench:mirror\n```',
  ].join('\n\n');
}

/** Empty without the registry engine or a peer. */
function summaryRow(comparison: Comparison): string[][] {
  const columns = phases.map((phase) => {
    const rows = rowsOf(comparison, phase);
    const own = rows.find(({ tool }) => tool === 'registry');
    const ofPeers = rows.filter(({ tool }) => peers.includes(tool));
    const best = ofPeers.sort((a, b) => a.seconds.median - b.seconds.median)[0];
    if (own?.speed === undefined || !best) return undefined;
    return [seconds(own), `${seconds(best)} (${best.tool})`, `**${own.speed.toFixed(1)}×**`];
  });
  const [cold, warm] = columns;
  const tls = comparison.transport === 'https' ? ', TLS' : '';
  return cold && warm ? [[`${comparison.set}: ${comparison.title}${tls}`, ...cold, ...warm]] : [];
}

/** Compares with the usual approach without a tool. */
function loopSentence(comparison: Comparison): string[] {
  const [cold, warm] = phases.map((phase) => rowsOf(comparison, phase).find(({ tool }) => tool === 'loop'));
  if (!cold || !warm) return [];
  return [
    `A loop of \`docker pull\`, \`tag\` and \`push\` takes ${seconds(cold)} for set ${comparison.set}, and ${seconds(warm)} when nothing is new.`,
  ];
}

const seconds = (row: Row): string => `${row.seconds.median.toFixed(2)} s`;
