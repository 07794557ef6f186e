import stringWidth from 'fast-string-width';
import type { Layout } from './layout.ts';
import type { OutputStream } from './reporter.ts';

/** Shows a text again and again: in place on a terminal, below the last one elsewhere. */
export class Redraw {
  readonly #stream: OutputStream;
  readonly #inPlace: boolean;
  /** The lines of the last text, if the cursor is still below them. */
  #shown: readonly string[] = [];
  #isFirst = true;

  constructor(stream: OutputStream, inPlace: boolean) {
    this.#stream = stream;
    this.#inPlace = inPlace;
  }

  /** Without the alternate screen, so that the last text stays after the program. */
  show(lines: readonly string[], { marks }: Layout): void {
    const { rows = 0 } = this.#stream;
    const text = (shown: readonly string[]): string => shown.map((line) => `${line}\n`).join('');
    if (!this.#inPlace || rows <= 0) {
      this.#stream.write((this.#isFirst ? '' : '\n') + text(lines));
      this.#isFirst = false;
      return;
    }
    const shown = this.#fitting(lines, rows, marks.more);
    const up = this.#rowsOf(this.#shown);
    this.#stream.write(`\r${up > 0 ? `\u001b[${up}A` : ''}\u001b[0J${text(shown)}`);
    this.#shown = shown;
  }

  /** Other output is below the last text, which therefore stays. */
  forget(): void {
    this.#shown = [];
  }

  /** Shorter than the terminal, because the cursor cannot go back to lines that have scrolled away. */
  #fitting(lines: readonly string[], rows: number, more: string): readonly string[] {
    if (this.#rowsOf(lines) < rows) return lines;
    const last = lines.slice(-1);
    const kept: string[] = [];
    for (const line of lines) {
      if (this.#rowsOf([...kept, line, more, ...last]) >= rows) break;
      kept.push(line);
    }
    return [...kept, `${more} ${lines.length - kept.length - last.length} more lines`, ...last];
  }

  /** A terminal breaks lines that are wider than it. */
  #rowsOf(lines: readonly string[]): number {
    const { columns = Infinity } = this.#stream;
    return lines.reduce((sum, line) => sum + Math.max(Math.ceil(stringWidth(line) / columns), 1), 0);
  }
}
