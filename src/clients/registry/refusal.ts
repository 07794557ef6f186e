import type { Clock } from '../../core/clock.ts';
import { type HostCredential, loginCommand } from './credentials.ts';
import { codeOf, readRefusal, RegistryError, reportHint } from './errors.ts';
import { readText, type RegistryResponse } from './transport.ts';

/** The request that the registry rejected. */
interface RefusedRequest {
  readonly what: string;
  /** The registry's name in references. */
  readonly host: string;
  readonly identity: HostCredential;
  readonly clock: Clock;
  /** The registry redirected the request, and another host responded. */
  readonly isElsewhere: boolean;
}

const maxRefusalBytes = 1 << 16;
/** If the registry asks for a longer wait, the request fails. In milliseconds. */
const maxWaitMs = 5 * 60_000;

/** Interprets an error response: what it means, whether to retry, what to do. */
export async function refusalError(reply: RegistryResponse, asked: RefusedRequest): Promise<RegistryError> {
  const { what, host, clock } = asked;
  const { status, url } = reply;
  const { codes, message } = readRefusal(status, await readText(reply, maxRefusalBytes));
  const sender = asked.isElsewhere ? `${host} redirects to ${url.host}, which answers` : host;
  const why = `${sender}: ${message}`;
  const isPullLimit = /pull rate limit/i.test(message);
  const throttled =
    !isPullLimit &&
    (status === 429 ||
      status === 503 ||
      /Throttl|Rate exceeded|TOOMANYREQUESTS/i.test(`${codes.join()} ${message}`));
  const retryAfter = waitOf(reply.header('retry-after'), clock.now());
  if (!isPullLimit && retryAfter !== undefined && retryAfter > maxWaitMs)
    return tooLong(what, why, retryAfter);
  // 501 means that the server does not support the request, so a retry cannot help.
  const retryable = throttled || status === 408 || (status >= 500 && status !== 501);
  const hint = isPullLimit
    ? `Run ${loginCommand(host)} for a higher limit, or wait and run the same command again.`
    : hintFor(status, codes, message, asked);
  return new RegistryError(
    { code: codeOf(status), what, why, hint },
    { status, codes, retryable, throttled, ...(retryAfter === undefined ? {} : { retryAfter }) },
  );
}

function tooLong(what: string, refused: string, wait: number): RegistryError {
  const why = `${refused}; it asks to wait for ${Math.ceil(wait / 60_000)} minutes`;
  const hint = 'Run the same command again then. Copied images are not copied again.';
  return new RegistryError({ code: 'registry-failed', what, why, hint }, {});
}

function hintFor(
  status: number,
  codes: readonly string[],
  message: string,
  { identity, isElsewhere }: RefusedRequest,
): string {
  if (status === 401 || status === 403)
    return isElsewhere ? reportHint : (identity.hintFor?.(message) ?? identity.hint);
  if (codes.includes('NAME_UNKNOWN')) return 'Run the same command again; it creates the repository.';
  return 'Run the same command again. Copied images are not copied again.';
}

/** Retry-After in milliseconds: seconds or a date. */
function waitOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isFinite(wait) && wait >= 0 ? wait : undefined;
}
