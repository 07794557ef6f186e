import type { BootstrapError } from '../core/errors.ts';
import type { Event } from '../core/step.ts';
import type { ColorChoice } from './style.ts';
import type { Header, View } from './view.ts';

/** The only writer to the streams. It redacts everything. */
export interface Reporter {
  header(header: Header): void;
  warn(text: string): void;
  event(event: Event): void;
  show(view: View): void | Promise<void>;
  /**
   * Shows one look of several: in place on a terminal, below the last look elsewhere, and in JSON as a compact
   * document of its own.
   * @param ok as for {@link Reporter.end}
   */
  refresh(view: View, ok: boolean): void | Promise<void>;
  error(error: BootstrapError): void;
  /** Asks a yes-or-no question, or asks the user to type a word. Undefined if there is no terminal. */
  ask(question: string, how: Asking): Promise<boolean | undefined>;
  /** Asks for a text. Undefined if there is no terminal. */
  askFor(question: string, how: Pick<Asking, 'signal'>): Promise<string | undefined>;
  /** Ends the output. The JSON reporter writes its document here. */
  end(ok: boolean): void | Promise<void>;
}

export interface Asking {
  /** The word that the user must type. Without it, the answer is yes or no. */
  readonly expected?: string | undefined;
  /** Aborts the question with the signal's reason. */
  readonly signal: AbortSignal;
}

/** Only `status` has metrics for Prometheus. */
export type OutputFormat = 'text' | 'json' | 'prometheus';

export type Verbosity = 'quiet' | 'normal' | 'verbose';

export interface ReporterOptions {
  readonly command: string;
  readonly format: OutputFormat;
  readonly verbosity: Verbosity;
  readonly color: ColorChoice;
  /** Tables may be wider than the terminal. */
  readonly wide: boolean;
  /** Commands in hints contain the word `sandbox`, so that they work when pasted. */
  readonly sandbox: boolean;
  /** Paths within this folder are shown relative to it. */
  readonly cwd: string;
  readonly streams: Streams;
  readonly env: NodeJS.ProcessEnv;
}

export interface Streams {
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
}

/** Columns and rows are missing in a pipe. */
export type OutputStream = NodeJS.WritableStream & { isTTY?: boolean; columns?: number; rows?: number };
