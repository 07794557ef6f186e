import stringWidth from 'fast-string-width';
import { withinSandbox } from './printable.ts';
import { createStyle, type Style } from './style.ts';

/** Columns of a pipe, and of a terminal that does not report its width. */
const defaultWidth = 80;
/** Narrower terminals wrap lines themselves: they have no room for indented text. */
const minWidth = 40;
/** The room that deep indentation leaves. */
const minInnerWidth = 20;

/** The width to use for a stream. A terminal of unknown size reports 0 columns. */
export const usableWidth = ({ columns = 0 }: { readonly columns?: number }): number =>
  columns > 0 ? Math.max(columns, minWidth) : defaultWidth;

/** The columns that a text takes on the screen. */
export const widthOf = (text: string): number =>
  /^[\x20-\x7e]*$/.test(text) ? text.length : stringWidth(text);

/** The characters that texts of this program use, where the terminal shows Unicode and where it does not. */
const asciiOf = {
  '✓': 'v',
  '✗': 'x',
  '→': '->',
  '…': '...',
  '·': '|',
  '×': 'x',
  '█': '#',
  '░': '.',
  '–': '-',
  '—': '-',
} as const;

const unicodeMarks = {
  ok: '✓',
  failed: '✗',
  warning: '!',
  unknown: '?',
  create: '+',
  update: '~',
  delete: '-',
  replace: '-/+',
  arrow: '→',
  more: '…',
  separator: '·',
  times: '×',
  barDone: '█',
  barLeft: '░',
} as const;

export type Marks = { readonly [name in keyof typeof unicodeMarks]: string };

export interface LayoutOptions {
  /** Columns. The default is the width of a pipe. */
  readonly width?: number;
  readonly color?: boolean;
  /** The terminal shows Unicode. Otherwise, marks are ASCII. */
  readonly unicode?: boolean;
  readonly wide?: boolean;
  /** Commands of this program contain the word `sandbox`. */
  readonly sandbox?: boolean;
}

/** Text before the lines of a paragraph. */
export interface Margins {
  /** Before the first line: a mark or a label, which may have colors. */
  readonly first?: string;
  /** Before each other line. By default, spaces as wide as `first`. */
  readonly rest?: string;
}

/** A cell of a table, and the color of its text. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

export interface Column {
  readonly title?: string;
  /** The width below which a column shrinks only if all other columns have reached their own. */
  readonly min?: number;
  /**
   * How a cell that is too long becomes narrower: shortened in the middle (the default), cut at the end, or
   * never. `wrap` is for prose in the last column.
   */
  readonly fit?: 'middle' | 'end' | 'never' | 'wrap';
  readonly align?: 'left' | 'right';
  /** Spaces after the column. */
  readonly gap?: number;
}

/**
 * Fits text into the width of a terminal. Widths are columns on the screen: a wide character takes two, a color
 * none. Lines are at most `width` wide, except commands to paste, which are never split.
 */
export class Layout {
  readonly style: Style;
  readonly marks: Marks;
  readonly width: number;
  /** Tables may be wider than the terminal. */
  readonly wide: boolean;
  /** The terminal shows Unicode. */
  readonly isUnicode: boolean;
  readonly #options: LayoutOptions;

  constructor(options: LayoutOptions = {}) {
    const { width = defaultWidth, color = false, unicode = true, wide = false } = options;
    this.#options = options;
    this.width = width;
    this.wide = wide;
    this.isUnicode = unicode;
    this.style = createStyle(color);
    this.marks = unicode
      ? unicodeMarks
      : (Object.fromEntries(
          Object.entries(unicodeMarks).map(([name, mark]) => [name, this.text(mark)]),
        ) as Marks);
  }

  /**
   * The text with the characters that the terminal can show, and with the commands of the sandbox. Untrusted names keep
   * their characters.
   */
  text(text: string): string {
    const own = this.#options.sandbox ? withinSandbox(text) : text;
    if (this.isUnicode) return own;
    return own.replace(/[✓✗→…·×█░–—]/g, (mark) => asciiOf[mark as keyof typeof asciiOf]);
  }

  /** Lines of a narrower layout, indented by spaces. */
  indented(by: number, linesOf: (inner: Layout) => readonly string[]): string[] {
    const inner = new Layout({ ...this.#options, width: Math.max(this.width - by, minInnerWidth) });
    return linesOf(inner).map((line) => (line === '' ? '' : ' '.repeat(by) + line));
  }

  /**
   * A paragraph. Lines break at spaces outside commands, and within a word only if the word is wider than a
   * line. A command that is wider than a line has a line of its own.
   */
  wrap(text: string, { first = '', rest = ' '.repeat(widthOf(first)) }: Margins = {}): string[] {
    return this.#wrapTo(this.width, text, first, rest);
  }

  /**
   * Shortens a reference or a path in the middle. The host or first folder stays as long as it fits, and as much
   * of the end: the tag, the digest, the name of the file.
   */
  shorten(text: string, width: number): string {
    const shown = this.text(text);
    if (fits(shown, width)) return shown;
    const { more } = this.marks;
    const room = Math.max(width - widthOf(more), 0);
    const start = shown.slice(0, shown.indexOf('/', 1) + 1);
    const head = start !== '' && widthOf(start) <= room / 2 ? start : beginning(shown, Math.floor(room / 3));
    const tail = ending(shown, room - widthOf(head));
    const slash = tail.indexOf('/');
    // Whole parts of a path are easier to read, as long as most of the end stays.
    const parts = slash > 0 && slash <= tail.length / 3 ? tail.slice(slash) : tail;
    return `${head}${more}${parts}`;
  }

  /** Cuts a text at its end. */
  truncate(text: string, width: number): string {
    const shown = this.text(text);
    if (fits(shown, width)) return shown;
    const { more } = this.marks;
    return `${beginning(shown, Math.max(width - widthOf(more), 0)).trimEnd()}${more}`;
  }

  /** A line of a file: its spaces stay, and it breaks anywhere. `rest` precedes each other line. */
  breakLine(text: string, rest: string): string[] {
    if (this.wide) return [text];
    const lines: string[] = [];
    let [prefix, left] = ['', text];
    while (!fits(prefix + left, this.width)) {
      const part = beginning(left, this.width - widthOf(prefix)) || left.slice(0, 1);
      lines.push(prefix + part);
      [prefix, left] = [rest, left.slice(part.length)];
    }
    return [...lines, prefix + left];
  }

  /** The text with spaces up to a width. */
  pad(text: string, width: number, align: Column['align'] = 'left'): string {
    const spaces = ' '.repeat(Math.max(width - widthOf(text), 0));
    return align === 'right' ? spaces + text : text + spaces;
  }

  /**
   * Rows as columns, with the titles above them if a column has a title. Columns that do not fit become
   * narrower, the last one first.
   */
  table(rows: readonly (readonly Cell[])[], columns: readonly Column[]): string[] {
    const texts = rows.map((row) => row.map((cell) => this.text(textOf(cell))));
    const widths = this.#widths(texts, columns);
    const hasTitles = columns.some(({ title }) => title);
    const titles = hasTitles
      ? this.#row(
          columns.map(({ title = '' }) => title),
          [],
          columns,
          widths,
        )
      : [];
    return [...titles, ...texts.flatMap((row, index) => this.#row(row, rows[index] ?? [], columns, widths))];
  }

  #widths(texts: readonly (readonly string[])[], columns: readonly Column[]): number[] {
    const widths = columns.map(({ title = '' }) => widthOf(title));
    for (const row of texts) {
      for (const [index, text] of row.entries()) {
        // A very long cell needs no exact width.
        const width = text.length > 4 * this.width ? text.length : widthOf(text);
        widths[index] = Math.max(widths[index] ?? 0, width);
      }
    }
    if (this.wide) return widths;
    const gaps = columns.slice(0, -1).reduce((sum, { gap = 2 }) => sum + gap, 0);
    let excess = widths.reduce((sum, width) => sum + width, gaps) - this.width;
    const least = [({ min = 10 }: Column) => min, () => 4];
    for (const leastOf of least) {
      for (let index = columns.length - 1; index >= 0 && excess > 0; index -= 1) {
        const column = columns[index] ?? {};
        if (column.fit === 'never') continue;
        const cut = Math.min(excess, Math.max((widths[index] ?? 0) - leastOf(column), 0));
        widths[index] = (widths[index] ?? 0) - cut;
        excess -= cut;
      }
    }
    return widths;
  }

  /** The line of a row. A row has several lines if its last cell wraps. */
  #row(
    texts: readonly string[],
    cells: readonly Cell[],
    columns: readonly Column[],
    widths: readonly number[],
  ): string[] {
    let line = '';
    let start = 0;
    for (const [index, { fit = 'middle', align = 'left', gap = 2 }] of columns.entries()) {
      const [text = '', cell = '', width = 0] = [texts[index], cells[index], widths[index]];
      const paint = typeof cell === 'string' ? (plain: string) => plain : cell.paint;
      if (fit === 'wrap' && index === columns.length - 1 && !fits(text, width)) {
        const [first = '', ...rest] = this.#wrapTo(width, text, '', '');
        return [line + paint(first), ...rest.map((other) => ' '.repeat(start) + paint(other))];
      }
      const shown =
        fit === 'end' ? this.truncate(text, width) : fit === 'middle' ? this.shorten(text, width) : text;
      const spaces = ' '.repeat(Math.max(width - widthOf(shown), 0));
      line += align === 'right' ? spaces + paint(shown) : paint(shown) + spaces;
      line += ' '.repeat(gap);
      start += width + gap;
    }
    return [line.trimEnd()];
  }

  #wrapTo(width: number, text: string, first: string, rest: string): string[] {
    const lines = new Lines(width, first, rest);
    for (const { word, isCommand } of wordsOf(this.text(text))) {
      if (isCommand) lines.addWhole(word);
      else lines.add(word);
    }
    return lines.end();
  }
}

/** The lines of a paragraph, to which words are added. */
class Lines {
  readonly #width: number;
  readonly #rest: string;
  readonly #done: string[] = [];
  #line: string;
  /** The columns of the line. */
  #used: number;
  /** The line has no words yet. */
  #isEmpty = true;

  constructor(width: number, first: string, rest: string) {
    this.#width = width;
    this.#rest = rest;
    this.#line = first;
    this.#used = widthOf(first);
  }

  /** Breaks a word only if it is wider than a line. */
  add(word: string): void {
    const columns = widthOf(word);
    if (!this.#isEmpty && !this.#hasRoom(columns + 1)) this.#break();
    let left = word;
    while (!this.#hasRoom(widthOf(left))) {
      const part = beginning(left, this.#width - this.#used);
      // The next line may have more room. If not, a character is wider than a line.
      if (part === '' && widthOf(this.#rest) >= this.#used) break;
      if (part !== '') this.#append(part);
      left = left.slice(part.length);
      this.#break();
    }
    this.#append(left);
  }

  /** Puts a command that is wider than the room on a line of its own. */
  addWhole(command: string): void {
    const isFirst = this.#isEmpty && this.#line.trim() === '';
    if (!isFirst && !this.#hasRoom(widthOf(command) + 1)) this.#break();
    this.#append(command);
  }

  end(): string[] {
    return [...this.#done, this.#line.trimEnd()];
  }

  #hasRoom(columns: number): boolean {
    return this.#used + columns <= this.#width;
  }

  #append(word: string): void {
    const space = this.#isEmpty ? '' : ' ';
    this.#line += space + word;
    this.#used += space.length + widthOf(word);
    this.#isEmpty = false;
  }

  #break(): void {
    this.#done.push(this.#line.trimEnd());
    this.#line = this.#rest;
    this.#used = widthOf(this.#rest);
    this.#isEmpty = true;
  }
}

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

/** A text is at most twice as wide as it is long, which spares most measurements. */
const fits = (text: string, width: number): boolean => text.length * 2 <= width || widthOf(text) <= width;

const program = '(?:ecr-bootstrap|kubectl|aws|docker|npx|npm)';
/** A command in backquotes, or after a colon, a parenthesis or the word run, up to the end of its sentence. */
const command = new RegExp(
  `\`[^\`]+\`|(?<=^|[:(] ?|\\brun )${program} (?:'[^']*'|"[^"]*"|[^'"\`()])*?(?=\\)|[.,;] |[.,;]?$)`,
  'g',
);
const startsCommand = new RegExp(`^[(\`]*${program} `);

/** Stands for the spaces of a command while words are separated. */
const joint = '\u00a0';

function wordsOf(text: string): { readonly word: string; readonly isCommand: boolean }[] {
  const joined = text
    .replaceAll(joint, ' ')
    .replace(command, (words) => words.trim().replaceAll(' ', joint) + (words.endsWith(' ') ? ' ' : ''));
  return joined
    .split(' ')
    .filter((word) => word !== '')
    .map((each) => {
      const word = each.replaceAll(joint, ' ');
      return { word, isCommand: startsCommand.test(word) };
    });
}

/** The longest beginning of a text that is at most so many columns wide. */
function beginning(text: string, width: number): string {
  let [used, end] = [0, 0];
  for (const unit of unitsOf(text.slice(0, maxUnits(width)))) {
    used += widthOf(unit);
    if (used > width) break;
    end += unit.length;
  }
  return text.slice(0, end);
}

/** The longest end of a text that is at most so many columns wide. */
function ending(text: string, width: number): string {
  let [used, start] = [0, text.length];
  for (const unit of unitsOf(text.slice(-maxUnits(width))).reverse()) {
    used += widthOf(unit);
    if (used > width) break;
    start -= unit.length;
  }
  return text.slice(start);
}

/** More characters than fit, even with combining characters, so that the length of a text costs no time. */
const maxUnits = (width: number): number => 8 * width + 64;

let segmenter: Intl.Segmenter | undefined;

/** The parts of a text that cannot be divided: colors, and characters with their accents. */
function unitsOf(text: string): string[] {
  if (/^[\x20-\x7e]*$/.test(text)) return Array.from(text);
  const graphemes = (segmenter ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' }));
  return text
    .split(/(\u001b\[[\d;]*m)/)
    .flatMap((part) =>
      part.startsWith('\u001b[')
        ? [part]
        : Array.from(graphemes.segment(part), ({ segment: character }) => character),
    );
}
