// Draws recorded output of the program as an animated picture of a terminal, in SVG without scripts.

/** A line of a session, and the seconds that pass before it appears. */
export interface SessionLine {
  /** With the program's colors. */
  readonly text: string;
  readonly pauseSeconds: number;
}

type Format = 'good' | 'warn' | 'bad' | 'dim' | 'bold';

/** A part of a line in one format. Its column counts from 0. */
interface Run {
  readonly column: number;
  readonly text: string;
  readonly formats: readonly Format[];
}

const started: Readonly<Record<string, Format>> = {
  1: 'bold',
  2: 'dim',
  31: 'bad',
  32: 'good',
  33: 'warn',
};
const ended: Readonly<Record<string, readonly Format[]>> = {
  22: ['bold', 'dim'],
  39: ['good', 'warn', 'bad'],
};

/** A color or format, or another control sequence, for example of the prompt. */
const sequence = /\u001b\[([\d;]*)([A-Za-z])/;

/**
 * The parts of a line, without its gaps: each part has its own column, so that no font can shift it.
 * @throws TypeError for a color that the program does not use
 */
export function runsOf(line: string): Run[] {
  const runs: Run[] = [];
  const formats = new Set<Format>();
  let column = 0;
  // Texts, and after each one the two groups of a sequence.
  const parts = line.replaceAll('\r', '').split(sequence);
  for (let index = 0; index < parts.length; index += 3) {
    for (const { 0: text, index: offset } of (parts[index] ?? '').matchAll(/\S+(?: \S+)*/g))
      runs.push({ column: column + offset, text, formats: [...formats] });
    column += Array.from(parts[index] ?? '').length;
    if (parts[index + 2] === 'm') changeFormat(formats, parts[index + 1] ?? '');
  }
  return runs;
}

function changeFormat(formats: Set<Format>, code: string): void {
  const start = started[code];
  const end = ended[code];
  if (start) formats.add(start);
  else if (end) for (const format of end) formats.delete(format);
  else throw new TypeError(`the picture has no format for SGR ${code}`);
}

const [columns, rows] = [80, 26];
/** The width of a character in the fonts of the style, and the height of a line. */
const [charWidth, lineHeight] = [9.6, 20];
const [margin, barHeight] = [20, 34];
const width = columns * charWidth + 2 * margin;
const height = barHeight + rows * lineHeight + margin;

/** How long the end of the session stays before it begins again. */
const holdSeconds = 7;

const style = `
text{font:16px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d1d7e0;white-space:pre}
.good{fill:#3fb950}
.warn{fill:#d29922}
.bad{fill:#f85149}
.dim{fill:#9198a1}
.bold{font-weight:700;fill:#f0f6fc}
`.trim();

/**
 * A dark window, which is readable on light and on dark pages. Without animation, for example if the reader prefers
 * reduced motion, it shows the end of the session.
 */
export function terminalPicture(title: string, lines: readonly SessionLine[]): string {
  const moments = momentsOf(lines);
  const totalSeconds = rounded((moments.at(-1)?.at ?? 0) + holdSeconds);
  const percent = (seconds: number): string => `${rounded((100 * seconds) / totalSeconds)}%`;
  const shift = (count: number): string => `translateY(${-Math.max(count - rows, 0) * lineHeight}px)`;
  const animate = (name: string): string => `animation:${name} ${totalSeconds}s step-end infinite`;
  const animation = [
    ...moments.flatMap(({ at }, index) =>
      at === 0
        ? []
        : [
            `@keyframes m${index}{0%{visibility:hidden}${percent(at)}{visibility:visible}}`,
            `#m${index}{${animate(`m${index}`)}}`,
          ],
    ),
    `@keyframes scroll{${moments.map(({ at, count }) => `${percent(at)}{transform:${shift(count)}}`).join('')}}`,
    `#scroll{${animate('scroll')}}`,
  ];
  const groups = moments.flatMap(({ shown, count }, index) => [
    `<g id="m${index}">`,
    ...shown.flatMap((line, place) => textsOf(line, count - shown.length + place)),
    '</g>',
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>\n${style}\n#scroll{transform:${shift(lines.length)}}`,
    '@media (prefers-reduced-motion:no-preference){',
    ...animation,
    '}</style>',
    `<clipPath id="screen"><rect y="${barHeight}" width="${width}" height="${height - barHeight - margin / 2}"/></clipPath>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10" fill="#0d1117" stroke="#3d444d"/>`,
    ...['#f85149', '#d29922', '#3fb950'].map(
      (color, index) =>
        `<circle cx="${margin + 2 + index * 20}" cy="${barHeight / 2}" r="6" fill="${color}"/>`,
    ),
    `<text class="dim" x="${width / 2}" y="${barHeight / 2 + 5}" text-anchor="middle">${escaped(title)}</text>`,
    '<g clip-path="url(#screen)"><g id="scroll">',
    ...groups,
    '</g></g>',
    '</svg>',
    '',
  ].join('\n');
}

/** Lines that appear together: at a time in seconds, and how many lines there are then. */
interface Moment {
  readonly at: number;
  readonly count: number;
  readonly shown: readonly string[];
}

function momentsOf(lines: readonly SessionLine[]): Moment[] {
  const moments: Moment[] = [];
  let at = 0;
  for (const [index, { text, pauseSeconds }] of lines.entries()) {
    at += pauseSeconds;
    const last = pauseSeconds === 0 ? moments.pop() : undefined;
    moments.push({ at, count: index + 1, shown: [...(last?.shown ?? []), text] });
  }
  return moments;
}

function textsOf(line: string, row: number): string[] {
  const baseline = barHeight + row * lineHeight + 15;
  return runsOf(line).map(({ column, text, formats }) => {
    const kinds = formats.length > 0 ? ` class="${formats.join(' ')}"` : '';
    const place = `x="${rounded(margin + column * charWidth)}" y="${baseline}"`;
    const length = rounded(Array.from(text).length * charWidth);
    return `<text${kinds} ${place} textLength="${length}">${escaped(text)}</text>`;
  });
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
