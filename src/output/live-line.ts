import type { Event, Progress } from '../plan/index.ts';
import { formatBytes, formatDuration } from './units.ts';

const redrawEvery = 100;
const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

type Screen = NodeJS.WritableStream & { columns?: number };

/** The one moving line at the bottom of a terminal: what is under way, how much, how fast, how long still. */
export class LiveLine {
  readonly moves: boolean;
  readonly #screen: Screen;
  readonly #progress = new Map<string, { progress: Progress; since: number; first: number }>();
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;
  #frame = 0;
  #label = '';

  constructor(screen: Screen, moves: boolean) {
    this.#screen = screen;
    this.moves = moves;
  }

  /** Takes note of what is under way. */
  follow(event: Event): void {
    if (!this.moves) return;
    if (event.type === 'step-started') this.#begin(event.title);
    else if (event.type === 'change-started')
      this.#label = `${event.change.action} ${event.change.target.name}`;
    else if (event.type === 'waiting') this.#label = `waiting for ${event.what} (${event.seconds}s)`;
    else if (event.type === 'progress') this.#note(event.progress);
    else if (event.type === 'step-done') this.clear();
  }

  /** Writes text that stays, above the line. */
  above(text: string): void {
    this.#erase();
    this.#screen.write(text);
  }

  /** Takes the line away until something is under way again. */
  clear(): void {
    this.#erase();
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#progress.clear();
  }

  #begin(label: string): void {
    this.#label = label;
    this.#timer ??= setInterval(() => this.#draw(), redrawEvery).unref();
  }

  #note(progress: Progress): void {
    const known = this.#progress.get(progress.id);
    if (progress.total !== undefined && progress.done >= progress.total && known && this.#progress.size > 1) {
      this.#progress.delete(progress.id);
      return;
    }
    this.#progress.set(progress.id, {
      progress,
      since: known?.since ?? Date.now(),
      first: known?.first ?? progress.done,
    });
    this.#timer ??= setInterval(() => this.#draw(), redrawEvery).unref();
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % frames.length;
    const parts = [...this.#progress.values()].sort(wholeFirst).map(describe);
    const text = parts.length > 0 ? parts.join('  ') : this.#label;
    const width = (this.#screen.columns ?? 80) - 1;
    this.#erase();
    this.#screen.write(`${frames[this.#frame] ?? ''} ${text}`.slice(0, width));
    this.#drawn = true;
  }

  #erase(): void {
    if (this.#drawn) this.#screen.write('\r\u001b[2K');
    this.#drawn = false;
  }
}

/** A run of the mirror tells of the whole under this id, and of each image under its source. */
const whole = 'images';

const wholeFirst = (a: { progress: Progress }, b: { progress: Progress }): number =>
  Number(b.progress.id === whole) - Number(a.progress.id === whole);

function describe({ progress, since, first }: { progress: Progress; since: number; first: number }): string {
  const { label, done, total, unit } = progress;
  const show = unit === 'bytes' ? formatBytes : String;
  const seconds = (Date.now() - since) / 1000;
  const rate = seconds > 1 ? (done - first) / seconds : 0;
  const speed = unit === 'bytes' && rate > 0 ? ` · ${formatBytes(rate)}/s` : '';
  const left =
    total !== undefined && rate > 0 ? ` · ${formatDuration(((total - done) / rate) * 1000)} left` : '';
  return `${label} ${show(done)}${total === undefined ? '' : ` of ${show(total)}`}${speed}${left}`;
}
