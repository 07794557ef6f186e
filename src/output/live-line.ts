import type { Event, Progress } from '../core/step.ts';
import { withoutSecrets } from '../core/secret.ts';
import { isTerminalInUse } from '../core/subprocess.ts';
import type { Layout } from './layout.ts';
import type { OutputStream } from './reporter.ts';
import { progressLines } from './progress-text.ts';
import { Rate } from './rate.ts';
import { formatDuration } from './units.ts';

const redrawIntervalMs = 100;
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const asciiFrames = ['|', '/', '-', '\\'];

/** Milliseconds after which the line shows how long the work has taken. */
const showTimeAfterMs = 2000;

/** Rows that a terminal has for text above the bars of images. */
const rowsAbove = 12;
const maxBars = 5;

/**
 * The moving line at the bottom of a terminal: the current work, its progress, speed and duration. Where there is
 * room, lines with the bars of images follow.
 */
export class LiveLine {
  readonly moves: boolean;
  readonly #screen: OutputStream;
  /** For the current width of the screen. */
  readonly #layout: () => Layout;
  readonly #progress = new Map<string, { progress: Progress; readonly rate: Rate }>();
  #timer: NodeJS.Timeout | undefined;
  /** The lines on the screen. */
  #drawn = 0;
  #frame = 0;
  /** The step, and how many of its changes are done. */
  #title = '';
  #changes = { done: 0, total: 0 };
  #label = '';
  #isWhole = false;
  /** When the work of the label started, in milliseconds since the epoch. */
  #since = 0;

  constructor(screen: OutputStream, layout: () => Layout, moves: boolean) {
    this.#screen = screen;
    this.#layout = layout;
    this.moves = moves;
  }

  /** Updates the line for an event. */
  follow(event: Event): void {
    if (!this.moves) return;
    switch (event.type) {
      case 'step-started':
        this.#title = event.title;
        this.#changes = { done: 0, total: event.changes };
        return this.#begin('');
      case 'change-started':
        return this.#begin(`${event.change.action} ${event.change.target.name}`);
      case 'change-done':
        this.#changes.done += 1;
        return;
      case 'waiting':
        return this.#begin(`waiting for ${event.what}`, { isWhole: true, passedMs: event.seconds * 1000 });
      case 'progress':
        return this.#note(event.progress);
      case 'step-done':
        return this.clear();
      default:
    }
  }

  /** Writes text above the line. */
  above(text: string): void {
    this.#erase();
    this.#screen.write(text);
  }

  /** Removes the line until the next work starts. */
  clear(): void {
    this.#erase();
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#progress.clear();
    this.#title = '';
    this.#changes = { done: 0, total: 0 };
  }

  /** @param isWhole the label needs no title of the step before it */
  #begin(label: string, { isWhole = false, passedMs = 0 } = {}): void {
    this.#label = label;
    this.#isWhole = isWhole;
    this.#since = Date.now() - passedMs;
    this.#timer ??= setInterval(() => this.#draw(), redrawIntervalMs).unref();
  }

  #note(progress: Progress): void {
    this.#timer ??= setInterval(() => this.#draw(), redrawIntervalMs).unref();
    const { id, done, total = Infinity } = progress;
    if (done >= total) {
      this.#progress.delete(id);
      return;
    }
    const known = this.#progress.get(id) ?? { progress, rate: new Rate() };
    known.progress = progress;
    known.rate.note(Date.now(), done);
    this.#progress.set(id, known);
  }

  #draw(): void {
    this.#frame += 1;
    const now = Date.now();
    const layout = this.#layout();
    const spinner = layout.isUnicode ? frames : asciiFrames;
    // A line that wraps cannot be erased. So it has room for the spinner, for the ^C that the terminal echoes, and for
    // the last column, and it is shorter than other lines on a very narrow terminal.
    const width = Math.min(layout.width, this.#screen.columns || Infinity) - 5;
    const underWay = [...this.#progress.values()].map(({ progress, rate }) => ({
      progress,
      rate: rate.perSecond(now),
    }));
    const { rows = 0 } = this.#screen;
    const bars = Math.max(Math.min(maxBars, rows - rowsAbove), 0);
    const progress = progressLines(underWay, width, layout, bars);
    const lines = progress.length > 0 ? progress : [this.#text(now, width, layout)];
    this.#erase();
    if (isTerminalInUse()) return;
    const frame = spinner[this.#frame % spinner.length] ?? '';
    const shown = lines.map((line) => layout.truncate(withoutSecrets(line), width));
    this.#screen.write(`${frame} ${shown.join('\n  ')}`);
    this.#drawn = shown.length;
  }

  /** The step, how many of its changes are done, the current work, and for how long. */
  #text(now: number, width: number, layout: Layout): string {
    const passed = now - this.#since;
    const time = passed < showTimeAfterMs ? '' : ` (${seconds(passed)})`;
    const { done, total } = this.#changes;
    const count = total > 1 && done < total ? `${done} of ${total}` : '';
    const parts = this.#isWhole
      ? [this.#label]
      : [this.#title, count, this.#label].filter((part) => part !== '');
    return layout.truncate(parts.join(` ${layout.marks.separator} `), width - time.length) + time;
  }

  #erase(): void {
    if (this.#drawn === 1) this.#screen.write('\r\u001b[2K');
    if (this.#drawn > 1) this.#screen.write(`\r\u001b[${this.#drawn - 1}A\u001b[0J`);
    this.#drawn = 0;
  }
}

const seconds = (milliseconds: number): string =>
  milliseconds < 60_000 ? `${Math.floor(milliseconds / 1000)}s` : formatDuration(milliseconds);
