import { inspect } from 'node:util';
import type { z } from 'zod';
import { withoutSecrets } from './secret.ts';
import { errorCodes, type ErrorCode } from './error-codes.ts';
import type { errorSchema } from './schemas.ts';

/** Process exit codes. `bug` is EX_SOFTWARE of sysexits.h; `interrupted` is 128 + SIGINT. */
export const exitCodes = { done: 0, failed: 1, usage: 2, drift: 3, bug: 70, interrupted: 130 } as const;

/** An error in JSON. */
type PrintedError = z.infer<typeof errorSchema>;

/** The three parts of every error that users see, and its code. */
export interface ErrorParts extends Omit<PrintedError, 'others'> {
  /**
   * The service is temporarily unavailable, for example while an API server restarts. The same request may
   * succeed soon.
   */
  readonly isTransient?: boolean;
}

/** The only error that this program throws on purpose. Any other error that reaches the top level is a bug. */
export class BootstrapError extends Error implements ErrorParts {
  readonly code: ErrorCode;
  readonly what: string;
  readonly why: string;
  readonly hint: string;
  readonly isTransient: boolean;
  /** Further errors of the same run, so that the user can fix them together. */
  readonly others: readonly BootstrapError[];

  constructor(parts: ErrorParts, options?: { cause?: unknown; others?: readonly BootstrapError[] }) {
    super(`${parts.what}: ${parts.why}`, options);
    this.name = 'BootstrapError';
    this.code = parts.code;
    this.what = parts.what;
    this.why = parts.why;
    this.hint = parts.hint;
    this.isTransient = parts.isTransient ?? false;
    this.others = options?.others ?? [];
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  /** For logs and debuggers. Includes the cause, which may quote the request, and masks secrets. */
  [inspect.custom](): string {
    const stack = this.stack ?? this.message;
    return withoutSecrets(this.cause === undefined ? stack : `${stack}\n  cause: ${inspect(this.cause)}`);
  }

  toJSON(): PrintedError {
    const others = this.others.map((other) => other.#parts());
    return { ...this.#parts(), ...(others.length > 0 ? { others } : {}) };
  }

  #parts(): Omit<PrintedError, 'others'> {
    return {
      code: this.code,
      what: withoutSecrets(this.what),
      why: withoutSecrets(this.why),
      hint: withoutSecrets(this.hint),
    };
  }
}

/** Combines several errors: the first one, with the rest as its {@link BootstrapError.others}. */
export function severalErrors([first, ...others]: readonly BootstrapError[]): BootstrapError {
  if (!first) throw new Error('no errors to report');
  if (others.length === 0) return first;
  const { code, what, why, hint, isTransient, cause } = first;
  return new BootstrapError({ code, what, why, hint, isTransient }, { cause, others });
}

/** The error of a run that Ctrl-C or a termination signal ended. */
export const interruptedError = (
  parts: Partial<Pick<ErrorParts, 'what' | 'why' | 'hint'>> = {},
): BootstrapError =>
  new BootstrapError({
    code: 'interrupted',
    what: 'could not finish',
    why: 'the run was interrupted',
    hint: 'Run the same command again; it resumes where it stopped.',
    ...parts,
  });

/** The error for anything that was not thrown on purpose. */
export const internalError = (thrown: unknown, what = 'an internal error occurred'): BootstrapError =>
  new BootstrapError(
    {
      code: 'bug',
      what,
      why: reasonOf(thrown),
      hint: 'This is a bug. Please report it with the output of the same command with -v.',
    },
    { cause: thrown },
  );

/** The code of an error of the operating system, for example `ENOENT`. Empty for other values. */
export const systemCode = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';

/**
 * Turns any thrown value into one short line for the `why` of an error. Quotes of parsers from their input are
 * omitted, because the input may be a file or a response with secrets.
 */
export function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  const [line = ''] = text.split('\n', 1);
  return withoutQuotation(thrown, line.trim()) || 'no reason given';
}

function withoutQuotation(thrown: unknown, line: string): string {
  const name = thrown instanceof Error ? thrown.name : '';
  if (name === 'SyntaxError' && /^Unexpected (non-whitespace|token)|is not valid JSON$/.test(line)) {
    return 'it is not valid JSON';
  }
  return name === 'YAMLException' ? line.replace(/(?::? "| !<|: ).*(?=\s\([^()]*\)$)/, '') : line;
}

/** For `catch`, where an error of this program is a result. */
export function onlyBootstrapError(thrown: unknown): BootstrapError {
  if (thrown instanceof BootstrapError) return thrown;
  throw thrown;
}
