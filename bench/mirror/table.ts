import { phases, type Comparison, type Results, type Row, rowsOf } from './results.ts';
import { describeTool } from './tools.ts';

const columns = ['tool', 'seconds', 'min – max', 'speed', 'requests', 'CPU s', 'memory MB'];

/** The results as Markdown. */
export function markdown({ measuredAt, machine, versions, comparisons }: Results): string {
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [
    `Measured ${measuredAt.slice(0, 10)} on ${machine}; ${used.join(', ')}.`,
    'Seconds, requests, CPU seconds and memory are medians; speed is that of the fastest of crane, regctl and skopeo = 1.',
    ...comparisons.map(section),
    '',
  ].join('\n\n');
}

function section(comparison: Comparison): string {
  const { set, title, transport, roundTrip } = comparison;
  const tables = phases.map((phase) => {
    const rows = rowsOf(comparison, phase).map((row) => `| ${cells(row).join(' | ')} |`);
    const head = [
      `| ${columns.join(' | ')} |`,
      `|${columns.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}`,
    ];
    return [`**${phase}**`, '', ...head, ...rows].join('\n');
  });
  return [`### ${set}: ${title}; ${transport}, ${roundTrip} ms round trip`, ...tables].join('\n\n');
}

const cells = ({ tool, seconds, speed, requests, cpuSeconds, peakMemory, repetitions }: Row): string[] => [
  describeTool(tool),
  seconds.median.toFixed(2),
  repetitions === 1 ? 'once' : `${seconds.min.toFixed(2)} – ${seconds.max.toFixed(2)}`,
  speed === undefined ? '' : `${speed.toFixed(speed < 10 ? 2 : 1)}×`,
  String(Math.round(requests)),
  cpuSeconds.toFixed(2),
  String(Math.round(peakMemory / 1e6)),
];
