import type { Event, Progress } from '../core/step.ts';
import { withoutSecrets } from '../core/secret.ts';
import { isTerminalInUse } from '../core/subprocess.ts';
import type { Layout } from './layout.ts';
import { progressText } from './progress-text.ts';
import { Rate } from './rate.ts';
import type { OutputStream } from './reporter.ts';
import { formatDuration } from './units.ts';

const redrawIntervalMs = 100;
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const asciiFrames = ['|', '/', '-', '\\'];

/** Milliseconds after which the line shows how long the work has taken. */
const showTimeAfterMs = 2000;

/** The moving line at the bottom of a terminal: the current work, its progress, speed and duration. */
export class LiveLine {
  readonly moves: boolean;
  readonly #screen: OutputStream;
  /** For the current width of the screen. */
  readonly #layout: () => Layout;
  readonly #progress = new Map<string, { progress: Progress; readonly rate: Rate }>();
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;
  #frame = 0;
  #label = '';
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
    if (event.type === 'step-started') this.#begin(event.title);
    else if (event.type === 'change-started')
      this.#begin(`${event.change.action} ${event.change.target.name}`);
    else if (event.type === 'waiting') this.#begin(`waiting for ${event.what}`, event.seconds * 1000);
    else if (event.type === 'progress') this.#note(event.progress);
    else if (event.type === 'step-done') this.clear();
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
  }

  #begin(label: string, passed = 0): void {
    this.#label = label;
    this.#since = Date.now() - passed;
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
    const passed = now - this.#since;
    const time = passed < showTimeAfterMs ? '' : ` (${seconds(passed)})`;
    const text =
      progressText(underWay, width, layout) || layout.truncate(this.#label, width - time.length) + time;
    this.#erase();
    if (isTerminalInUse()) return;
    const frame = spinner[this.#frame % spinner.length] ?? '';
    this.#screen.write(`${frame} ${layout.truncate(withoutSecrets(text), width)}`);
    this.#drawn = true;
  }

  #erase(): void {
    if (this.#drawn) this.#screen.write('\r\u001b[2K');
    this.#drawn = false;
  }
}

const seconds = (milliseconds: number): string =>
  milliseconds < 60_000 ? `${Math.floor(milliseconds / 1000)}s` : formatDuration(milliseconds);
