import { BootstrapError, type ErrorParts } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-codes.ts';

/** How a request failed, for callers that decide about a retry or another source. */
export interface Failure {
  /** HTTP status; missing when there was no response. */
  readonly status?: number;
  /** Error codes in the registry's response: `MANIFEST_UNKNOWN`, `TAG_INVALID`. */
  readonly codes?: readonly string[];
  /** The same request may work later. */
  readonly retryable?: boolean;
  /** The registry throttles requests. */
  readonly throttled?: boolean;
  /** The wait that the registry asks for, in milliseconds. */
  readonly retryAfter?: number;
}

/** A registry rejected a request, or the request failed. */
export class RegistryError extends BootstrapError {
  readonly failure: Failure;

  constructor(parts: ErrorParts, failure: Failure, options?: { cause?: unknown }) {
    super(parts, options);
    this.name = 'RegistryError';
    this.failure = failure;
  }

  /** The same error as a retryable one, when its cause has been removed. */
  asRetryable(): RegistryError {
    return new RegistryError(this, { ...this.failure, retryable: true }, { cause: this.cause });
  }
}

/** The hint for errors that only the operators of a registry can fix. */
export const reportHint =
  'Report this to the operators of the registry, or use the image from another registry.';

/** The error for a registry that redirects requests to a forbidden destination. */
export const forbiddenRedirect = (what: string, why: string): RegistryError =>
  new RegistryError({ code: 'registry-failed', what, why, hint: reportHint }, {});

/** The error for content that does not match its digest or its format. */
export function corruptContentError(what: string, why: string, cause?: unknown): BootstrapError {
  const hint = 'Run the same command again. If it fails again, report it to the operators of the registry.';
  return new BootstrapError({ code: 'image-corrupt', what, why, hint }, { cause });
}

/**
 * The relevant parts of a registry's error response. Its format is the distribution specification's, AWS's JSON,
 * or none.
 */
export interface ErrorBody {
  readonly codes: readonly string[];
  /** One short line. */
  readonly message: string;
}

const maxMessageLength = 200;

export function readRefusal(status: number, body: string): ErrorBody {
  const { codes, messages } = parse(body);
  const text = messages.join('; ') || codes.join(', ') || `HTTP ${status}`;
  const message = text.split('\n', 1)[0]?.slice(0, maxMessageLength) ?? text;
  return {
    codes,
    message: messages.length > 0 || codes.length === 0 ? message : `${message} (HTTP ${status})`,
  };
}

function parse(body: string): { codes: string[]; messages: string[] } {
  const codes: string[] = [];
  const messages: string[] = [];
  for (const entry of entriesOf(body)) {
    const { code, message, __type: type } = entry;
    if (typeof code === 'string') codes.push(code);
    else if (typeof type === 'string') codes.push(type);
    if (typeof message === 'string' && message !== '') messages.push(message);
  }
  return { codes, messages };
}

function entriesOf(body: string): { code?: unknown; message?: unknown; __type?: unknown }[] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // Proxies and load balancers respond with HTML or without a body.
    return [];
  }
  if (typeof value !== 'object' || value === null) return [];
  const list = 'errors' in value && Array.isArray(value.errors) ? (value.errors as unknown[]) : [value];
  return list.filter((entry): entry is object => typeof entry === 'object' && entry !== null);
}

/** The error code for a rejected request. */
export function codeOf(status: number): ErrorCode {
  return status === 401 || status === 403 ? 'registry-denied' : 'registry-failed';
}
