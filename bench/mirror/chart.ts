import { type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { targetRoundTripMs } from './targets.ts';
import type { ToolName } from './tools.ts';

const size = { width: 860, gap: 28, label: 120, line: 20, bar: 13, head: 26, margin: 16, value: 78 };
const panelWidth = (size.width - 2 * size.margin - size.gap) / 2;

/** Labels and colors; the colors are readable on white and on black. */
const styles: Partial<Record<ToolName, readonly [string, string]>> = {
  registry: ['ecr-bootstrap', '#d9480f'],
  docker: ['… docker engine', '#f08c00'],
  crane: ['crane × 8', '#748ca3'],
  regctl: ['regctl × 8', '#748ca3'],
  skopeo: ['skopeo × 8', '#748ca3'],
  loop: ['docker loop', '#a3958c'],
};

/**
 * The seconds as bars: a row of panels for each comparison, cold on the left and warm on the right. Comparisons over
 * plain HTTP at the targets' round trip represent all, if there are any.
 */
export function chart(all: readonly Comparison[]): string {
  const typical = all.filter(
    ({ roundTripMs, transport }) => roundTripMs === targetRoundTripMs && transport === 'http',
  );
  const panels: string[] = [];
  let top = size.margin;
  for (const comparison of typical.length > 0 ? typical : all) {
    const rowCounts = phases.map((phase, column) => {
      const rows = rowsOf(comparison, phase);
      panels.push(panel(comparison, phase, rows, size.margin + column * (panelWidth + size.gap), top));
      return rows.length;
    });
    top += size.head * 2 + Math.max(...rowCounts) * size.line;
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
  const { set, title, transport, roundTripMs } = comparison;
  const scale = (panelWidth - size.label - size.value) / Math.max(...rows.map(({ seconds }) => seconds.max));
  const heading =
    phase === 'cold' ? `${set}: ${title}` : `${set} again, nothing new (${transport}, ${roundTripMs} ms)`;
  const bars = rows.map((row, index) => bar(row, left, top + size.head + index * size.line, scale));
  return [`<text x="${left}" y="${top + 14}" font-weight="600">${heading}</text>`, ...bars].join('\n');
}

/** The median as a bar, with a line from the fastest to the slowest run. */
function bar({ tool, seconds }: Row, left: number, top: number, scale: number): string {
  const [label, color] = styles[tool] ?? ['other build', '#f08c00'];
  const start = left + size.label;
  const at = (value: number) => (start + value * scale).toFixed(1);
  const middle = top + size.bar / 2;
  const base = top + size.bar - 2;
  const text = `${seconds.median.toFixed(seconds.median < 10 ? 2 : 1)} s`;
  return [
    `<text x="${start - 8}" y="${base}" text-anchor="end">${label}</text>`,
    `<rect x="${start}" y="${top}" width="${(seconds.median * scale).toFixed(1)}" height="${size.bar}" fill="${color}"/>`,
    `<line x1="${at(seconds.min)}" x2="${at(seconds.max)}" y1="${middle}" y2="${middle}" stroke="#24292f" stroke-opacity="0.6"/>`,
    `<text x="${Number(at(seconds.max)) + 6}" y="${base}">${text}</text>`,
  ].join('\n');
}
