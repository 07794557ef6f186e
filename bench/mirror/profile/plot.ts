import { type Phase, phases } from '../results.ts';
import { areasOf, type Frame } from './areas.ts';
import type { Profile } from './profile.ts';
import { stagesOf } from './stages.ts';

const size = {
  width: 860,
  margin: 16,
  gap: 40,
  axis: 28,
  legend: 22,
  head: 30,
  plot: 150,
  foot: 24,
  stage: 16,
};
const panelWidth = (size.width - 2 * size.margin - size.gap) / 2;
const plotWidth = panelWidth - 2 * size.axis;

/** Readable on white and on black. */
const colours = {
  ...{ tool: '#d9480f', registries: '#748ca3', proxies: '#b8a99a', rest: '#adb5bd66' },
  ...{ requests: '#2f9e44', line: '#868e96' },
};

const names = {
  ...{ tool: 'tool', registries: 'registries', proxies: 'proxies', rest: 'rest of the machine' },
  requests: 'requests under way (right)',
};

/** A profile as two panels, cold and warm: who used the processors, and how many requests were under way. */
export function plot(profile: Profile): string {
  const most = Math.max(...phases.map((phase) => stageRows(profile, phase).length));
  const top = size.margin + size.legend;
  const height = top + size.head + size.plot + size.foot + most * size.stage + size.margin;
  const title = `Processors busy and requests under way while set ${profile.set} is copied`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    '<style>text { fill: #24292f } @media (prefers-color-scheme: dark) { text { fill: #d0d7de } }</style>',
    legend(size.margin, size.margin),
    ...phases.map((phase, column) =>
      panel(profile, phase, size.margin + column * (panelWidth + size.gap), top),
    ),
    '</svg>',
    '',
  ].join('\n');
}

function panel(profile: Profile, phase: Phase, left: number, top: number): string {
  const { processors } = profile;
  const { record } = profile.runs[phase];
  const whole = record.seconds * 1000;
  const points = underWay(profile, phase);
  const most = Math.max(1, ...points.map(([, count]) => count));
  const frame: Frame = {
    left: left + size.axis,
    bottom: top + size.head + size.plot,
    height: size.plot,
    x: (milliseconds) => left + size.axis + (Math.min(milliseconds, whole) / whole) * plotWidth,
  };
  return [
    text(left, top + 14, `${profile.set} ${phase}: ${record.seconds.toFixed(2)} s`, 'font-weight="600"'),
    ...areasOf(record, processors, frame).map(
      ({ who, path }) => `<path d="${path}" fill="${colours[who]}"/>`,
    ),
    line(points, size.plot / most, frame),
    ...axes(frame, processors, most, whole),
    ...stageRows(profile, phase).map(({ name, from, to }, index) => {
      const y = frame.bottom + size.foot + index * size.stage;
      const [start, end] = [frame.x(from), frame.x(to)];
      // Beside its bar where there is room.
      const isLeft = start - left > name.length * 7;
      return [
        `<rect x="${start.toFixed(1)}" y="${y}" width="${Math.max(1, end - start).toFixed(1)}" height="8" fill="${colours.line}"/>`,
        text(
          isLeft ? start - 6 : end + 6,
          y + 8,
          name,
          `font-size="11"${isLeft ? ' text-anchor="end"' : ''}`,
        ),
      ].join('\n');
    }),
  ].join('\n');
}

const stageRows = (profile: Profile, phase: Phase) =>
  stagesOf(profile.runs[phase].record, profile.processors).between;

function legend(left: number, top: number): string {
  const caption = 'Processors busy with';
  let x = left + caption.length * 6.6;
  const entries = (['tool', 'registries', 'proxies', 'rest', 'requests'] as const).map((name) => {
    const start = x;
    x += 30 + names[name].length * 6.6;
    const height = name === 'requests' ? 3 : 10;
    return [
      `<rect x="${start.toFixed(1)}" y="${top + 5 - height / 2}" width="10" height="${height}" fill="${colours[name]}"/>`,
      text(start + 14, top + 9, names[name]),
    ].join('\n');
  });
  return [text(left, top + 9, caption), ...entries].join('\n');
}

/** How many requests were under way from each moment at which that changed. */
function underWay({ runs }: Profile, phase: Phase): [time: number, count: number][] {
  const changes = runs[phase].record.requests.flatMap(({ created, ended }) => [
    { time: created, by: 1 },
    { time: ended, by: -1 },
  ]);
  let count = 0;
  return changes.sort((a, b) => a.time - b.time).map(({ time, by }) => [time, (count += by)]);
}

/** @param request how high one is */
function line(points: readonly [number, number][], request: number, { x, bottom }: Frame): string {
  let path = `M${x(0).toFixed(1)} ${bottom}`;
  for (const [time, count] of points)
    path += `H${x(time).toFixed(1)}V${(bottom - count * request).toFixed(1)}`;
  return `<path d="${path}" fill="none" stroke="${colours.requests}" stroke-width="1.5"/>`;
}

function axes({ left, bottom, x }: Frame, processors: number, most: number, whole: number): string[] {
  const [top, right] = [bottom - size.plot, left + plotWidth];
  const step = niceStep(whole);
  const times = Array.from({ length: Math.floor(whole / step) + 1 }, (_, index) => index * step);
  return [
    `<path d="M${left} ${top}V${bottom}H${right}V${top}" fill="none" stroke="${colours.line}"/>`,
    text(left - 4, top + 9, String(processors), 'text-anchor="end"'),
    text(left - 4, bottom, '0', 'text-anchor="end"'),
    text(right + 4, top + 9, String(most)),
    ...times.map((time) =>
      text(x(time), bottom + 14, `${time / 1000}${time === 0 ? ' s' : ''}`, 'text-anchor="middle"'),
    ),
  ];
}

/** About five marks on an axis. */
function niceStep(whole: number): number {
  const rough = whole / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
}

const text = (x: number, y: number, content: string, attributes = ''): string =>
  `<text x="${Number(x.toFixed(1))}" y="${y}"${attributes && ` ${attributes}`}>${content}</text>`;
