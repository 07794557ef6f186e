import { type Comparison, type Phase, phases, type Row, rowsOf } from './results.ts';
import { labelOf } from './tools.ts';

const panelWidth = 430;
const lineHeight = 20;
/** The space for the names of the tools, and for the longest bar. */
const labelWidth = 110;
const barWidth = 240;

/** The median seconds as bars: a row of panels for each comparison, cold on the left and warm on the right. */
export function chart(comparisons: readonly Comparison[]): string {
  const panels: string[] = [];
  let top = lineHeight;
  for (const comparison of comparisons) {
    for (const [column, phase] of phases.entries())
      panels.push(
        `<g transform="translate(${column * panelWidth},${top})">`,
        panel(comparison, phase),
        '</g>',
      );
    top += lineHeight * (rowsOf(comparison, 'cold').length + 2);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * panelWidth} ${top - lineHeight}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    '<title>Seconds to copy images from registry to registry; shorter is better</title>',
    '<style>text { fill: #24292f } @media (prefers-color-scheme: dark) { text { fill: #d0d7de } }</style>',
    ...panels,
    '</svg>',
    '',
  ].join('\n');
}

function panel(comparison: Comparison, phase: Phase): string {
  const rows = rowsOf(comparison, phase);
  const longest = Math.max(...rows.map(({ seconds }) => seconds.median));
  const heading = phase === 'cold' ? `${comparison.set}: ${comparison.title}` : 'again, nothing new';
  const bars = rows.map((row, index) => bar(row, (index + 1) * lineHeight, longest));
  return [`<text font-weight="600">${heading}</text>`, ...bars].join('\n');
}

/** The colors are readable on white and on black. */
function bar({ tool, seconds }: Row, baseline: number, longest: number): string {
  const length = Math.round((seconds.median / longest) * barWidth);
  const color = tool === 'registry' ? '#d9480f' : '#748ca3';
  return [
    `<text x="${labelWidth - 8}" y="${baseline}" text-anchor="end">${labelOf(tool)}</text>`,
    `<rect x="${labelWidth}" y="${baseline - 11}" width="${length}" height="13" fill="${color}"/>`,
    `<text x="${labelWidth + length + 6}" y="${baseline}">${seconds.median.toFixed(2)} s</text>`,
  ].join('\n');
}
