import { type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { judgedRoundTrip } from './targets.ts';
import type { ToolName } from './tools.ts';

const size = { width: 860, gap: 28, label: 120, line: 20, bar: 13, head: 26, margin: 16, value: 78 };
const panelWidth = (size.width - 2 * size.margin - size.gap) / 2;

/** Readable on white and on black. */
const colours: Readonly<Record<ToolName, string>> = {
  registry: '#d9480f',
  docker: '#f08c00',
  crane: '#748ca3',
  regctl: '#748ca3',
  skopeo: '#748ca3',
  loop: '#a3958c',
};

const labels: Readonly<Record<ToolName, string>> = {
  registry: 'ecr-bootstrap',
  docker: '… docker engine',
  crane: 'crane × 8',
  regctl: 'regctl × 8',
  skopeo: 'skopeo × 8',
  loop: 'docker loop',
};

/**
 * The results as bars of seconds: a row of panels for each comparison, cold on the left and warm on the right. When
 * there are many, those over plain HTTP at the round trip that targets are about stand for all.
 */
export function plot(all: readonly Comparison[]): string {
  const typical = all.filter(
    ({ roundTrip, transport }) => roundTrip === judgedRoundTrip && transport === 'http',
  );
  const comparisons = typical.length > 0 ? typical : all;
  const panels: string[] = [];
  let top = size.margin;
  for (const comparison of comparisons) {
    const heights = phases.map((phase, column) => {
      const left = size.margin + column * (panelWidth + size.gap);
      const rows = rowsOf(comparison, phase);
      panels.push(panel(comparison, phase, rows, left, top));
      return size.head * 2 + rows.length * size.line;
    });
    top += Math.max(...heights);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${top}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    '<title>Seconds to copy images from registry to registry; shorter is better</title>',
    '<style>text { fill: #24292f } @media (prefers-color-scheme: dark) { text { fill: #d0d7de } }</style>',
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function panel(
  comparison: Comparison,
  phase: Phase,
  rows: readonly Row[],
  left: number,
  top: number,
): string {
  const { set, title, transport, roundTrip } = comparison;
  const longest = Math.max(...rows.map(({ seconds }) => seconds.max));
  const scale = (panelWidth - size.label - size.value) / longest;
  const heading =
    phase === 'cold' ? `${set}: ${title}` : `${set} again, nothing new (${transport}, ${roundTrip} ms)`;
  const bars = rows.map((row, index) => bar(row, left, top + size.head + index * size.line, scale));
  return [`<text x="${left}" y="${top + 14}" font-weight="600">${heading}</text>`, ...bars].join('\n');
}

/** The median as a bar, the range from the fastest to the slowest run as a line on it. */
function bar({ tool, seconds }: Row, left: number, top: number, scale: number): string {
  const start = left + size.label;
  const at = (value: number) => (start + value * scale).toFixed(1);
  const middle = top + size.bar / 2;
  const base = top + size.bar - 2;
  const text = `${seconds.median.toFixed(seconds.median < 10 ? 2 : 1)} s`;
  return [
    `<text x="${start - 8}" y="${base}" text-anchor="end">${labels[tool]}</text>`,
    `<rect x="${start}" y="${top}" width="${(seconds.median * scale).toFixed(1)}" height="${size.bar}" fill="${colours[tool]}"/>`,
    `<line x1="${at(seconds.min)}" x2="${at(seconds.max)}" y1="${middle}" y2="${middle}" stroke="#24292f" stroke-opacity="0.6"/>`,
    `<text x="${Number(at(Math.max(seconds.max, seconds.median))) + 6}" y="${base}">${text}</text>`,
  ].join('\n');
}
