import type { BootstrapError } from '../core/errors.ts';
import type { Event } from '../core/step.ts';
import type { Header, View } from './view.ts';

/** The only writer to the streams. It redacts everything. */
export interface Reporter {
  header(header: Header): void;
  warn(text: string): void;
  event(event: Event): void;
  show(view: View): void | Promise<void>;
  error(error: BootstrapError): void;
  /** Asks a yes-or-no question, or for a word to be typed; undefined if there is no terminal to ask on. */
  ask(question: string, how: Asking): Promise<boolean | undefined>;
  /** Asks for a text; undefined if there is no terminal to ask on. */
  askFor(question: string, how: Pick<Asking, 'signal'>): Promise<string | undefined>;
  /** Ends the output; the JSON reporter writes its one document here. */
  end(ok: boolean): void | Promise<void>;
}

export interface Asking {
  /** The word to be typed; without it the answer is yes or no. */
  readonly expected?: string | undefined;
  /** Ends the question with its reason. */
  readonly signal: AbortSignal;
}

export type Verbosity = 'quiet' | 'normal' | 'verbose';

export interface ReporterOptions {
  readonly command: string;
  readonly format: 'text' | 'json';
  readonly verbosity: Verbosity;
  readonly noColor: boolean;
  /** Commands in hints name the sandbox, so that they work when pasted. */
  readonly sandbox: boolean;
  /** Paths below it are shown relative to it. */
  readonly cwd: string;
  readonly streams: Streams;
  readonly env: NodeJS.ProcessEnv;
}

export interface Streams {
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean; columns?: number };
}
