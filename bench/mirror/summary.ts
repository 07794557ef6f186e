import { type Comparison, phases, type Row, rowsOf } from './results.ts';
import { judgedRoundTrip, targetsOf } from './targets.ts';
import { peers } from './tools.ts';

const head = [
  '',
  'ecr-bootstrap',
  'fastest of crane, regctl, skopeo',
  '',
  'again, nothing new',
  'fastest',
  '',
];

/** What the README says of the speed: a paragraph, a table and the plot. Paths are from the root of the repository. */
export function summary(comparisons: readonly Comparison[]): string {
  const shown = comparisons.filter(({ roundTrip }) => roundTrip === judgedRoundTrip);
  const rows = shown.map(row).filter((cells) => cells !== undefined);
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  const lines = [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  const targets = shown.flatMap(targetsOf);
  const met = targets.filter(({ isMet }) => isMet).length;
  return [
    `Seconds to copy images from registry to registry, ${judgedRoundTrip} ms away. crane, regctl and skopeo copy eight images at once.`,
    lines.join('\n'),
    '![Seconds of every tool](bench/results/results.svg)',
    [
      ...loop(shown),
      circumstances(shown),
      `Of ${targets.length} targets ${met} are met; [all figures](bench/results/results.md),`,
      '[how they are measured](bench/README.md). To repeat it:',
    ].join('\n'),
    '```sh\nnpm run bench:mirror\n```',
  ].join('\n\n');
}

function row(comparison: Comparison): string[] | undefined {
  const { set, title, transport } = comparison;
  const columns = phases.map((phase) => {
    const rows = rowsOf(comparison, phase);
    const own = rows.find(({ tool }) => tool === 'registry');
    const best = rows.filter(({ tool }) => peers.includes(tool)).sort(bySeconds)[0];
    if (!own || !best) return [];
    return [seconds(own), `${seconds(best)} (${best.tool})`, `**${(own.speed ?? NaN).toFixed(1)}×**`];
  });
  if (columns.some((cells) => cells.length === 0)) return undefined;
  return [`${set}: ${title}${transport === 'https' ? ', TLS' : ''}`, ...columns.flat()];
}

const bySeconds = (a: Row, b: Row): number => a.seconds.median - b.seconds.median;

const seconds = (row: Row): string => `${row.seconds.median.toFixed(2)} s`;

/** What most people do without a tool. */
function loop(comparisons: readonly Comparison[]): string[] {
  for (const comparison of comparisons) {
    const [cold, warm] = phases.map((phase) => rowsOf(comparison, phase).find(({ tool }) => tool === 'loop'));
    if (cold && warm)
      return [
        `A loop of \`docker pull\`, \`tag\` and \`push\` takes ${seconds(cold)} for set ${comparison.set}, and ${seconds(warm)} when nothing is new.`,
      ];
  }
  return [];
}

function circumstances(comparisons: readonly Comparison[]): string {
  const days = [...new Set(comparisons.map(({ measuredAt }) => measuredAt.slice(0, 10)))].sort();
  const machines = [...new Set(comparisons.map(({ machine }) => machine))];
  return `Measured on ${days.join(' and ')} on ${machines.join(' and ')}; medians.`;
}
