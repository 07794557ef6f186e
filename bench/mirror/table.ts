import { type Comparison, phases, type Row, rowsOf } from './results.ts';
import { describeTool } from './tools.ts';

const columns = ['tool', 'seconds', 'min – max', 'speed', 'requests', 'CPU s', 'memory MB'];

/** The results as Markdown. */
export function markdown(comparisons: readonly Comparison[]): string {
  const legend =
    'Seconds, requests, CPU seconds and memory are medians. Speed: the fastest of crane, regctl and skopeo is 1.';
  return [legend, ...comparisons.map(section), ''].join('\n\n');
}

function section(comparison: Comparison): string {
  const { set, title, transport, roundTrip, measuredAt, machine, versions } = comparison;
  const used = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const circumstances = `Measured ${measuredAt.slice(0, 10)} on ${machine} with ${used.join(', ')}.`;
  const tables = phases.map((phase) => {
    const rows = rowsOf(comparison, phase).map((row) => `| ${cells(row).join(' | ')} |`);
    const head = [
      `| ${columns.join(' | ')} |`,
      `|${columns.map((_, index) => (index === 0 ? '---|' : '---:|')).join('')}`,
    ];
    return [`**${phase}**`, '', ...head, ...rows].join('\n');
  });
  return [`### ${set}: ${title}; ${transport}, ${roundTrip} ms round trip`, ...tables, circumstances].join(
    '\n\n',
  );
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
