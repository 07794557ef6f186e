import { reasonOf } from '../../core/errors.ts';
import type { AllowedHosts } from './local.ts';

/** Why a request got no response. */
export type NetworkErrorKind =
  | 'name-unknown'
  | 'resolver-failed'
  | 'refused'
  | 'no-route'
  | 'connect-timeout'
  | 'proxy-refused'
  | 'untrusted'
  | 'local-address'
  | 'reset'
  | 'timeout'
  /** The headers of the answer are too large. */
  | 'headers-too-large'
  /** A proxy or a login page responded instead of the service. */
  | 'web-page'
  | 'other';

/** A request got no response, or only part of it. The message is the reason, without the host. */
export class NetworkError extends Error {
  override name = 'NetworkError';
  readonly kind: NetworkErrorKind;
  readonly url: URL;
  readonly reach: AllowedHosts;
  /** A code of the system or of TLS, for example `ECONNREFUSED`. The AWS SDK uses it to decide about retries. */
  readonly code: string | undefined;

  constructor(
    { kind, reason }: ConnectionFailure,
    request: { readonly url: URL; readonly reach?: AllowedHosts },
    cause?: unknown,
  ) {
    super(reason, { cause });
    this.kind = kind;
    this.url = request.url;
    this.reach = request.reach ?? 'anywhere';
    this.code = failureCode(cause);
  }

  get host(): string {
    return this.url.host;
  }
}

export function toNetworkError(
  thrown: unknown,
  request: { readonly url: URL; readonly reach?: AllowedHosts },
): NetworkError {
  if (thrown instanceof NetworkError) return thrown;
  const failure = connectionFailure(thrown) ?? { kind: 'other', reason: reasonOf(thrown) };
  return new NetworkError(failure, request, thrown);
}

/** The chain of causes of what was thrown, outermost first; members of an AggregateError are included. */
export function* causes(thrown: unknown): Generator<Error> {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    yield error;
    if (error instanceof AggregateError) for (const member of error.errors) yield* causes(member);
  }
}

/** The code of the system or TLS error at the root of what was thrown, for example `ECONNREFUSED`. */
function failureCode(thrown: unknown): string | undefined {
  for (const error of causes(thrown)) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && !code.startsWith('ERR_INVALID')) return code;
  }
  return undefined;
}

export interface ConnectionFailure {
  readonly kind: NetworkErrorKind;
  readonly reason: string;
}

const kinds: Readonly<Record<string, readonly [kind: NetworkErrorKind, reason: string]>> = {
  ENOTFOUND: ['name-unknown', 'the name does not resolve'],
  EAI_AGAIN: ['resolver-failed', 'the name does not resolve at the moment'],
  ECONNREFUSED: ['refused', 'the connection was refused'],
  ECONNRESET: ['reset', 'the connection was reset'],
  EPIPE: ['reset', 'the connection was reset'],
  ERR_STREAM_PREMATURE_CLOSE: ['reset', 'the connection was reset'],
  EHOSTUNREACH: ['no-route', 'there is no route to the host'],
  ENETUNREACH: ['no-route', 'there is no route to the network'],
  ETIMEDOUT: ['timeout', 'no answer in time'],
  ERR_CONNECT_TIMEOUT: ['connect-timeout', 'no connection in time'],
  ERR_BODY_TIMEOUT: ['timeout', 'the answer stopped before its end'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'the headers of the answer are too large'],
};

const timedOut = (code: string, message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { code });

export const connectTimedOut = (): Error => timedOut('ERR_CONNECT_TIMEOUT', 'no connection in time');
/** @param cause what ended the request, if it was not this timeout itself */
export const answerTimedOut = (cause?: unknown): Error => timedOut('ETIMEDOUT', 'no answer in time', cause);
export const bodyTimedOut = (): Error => timedOut('ERR_BODY_TIMEOUT', 'the answer stopped before its end');

/** A proxy refused to open a tunnel. */
export class ProxyRefusal extends Error {
  /** @param status of the proxy's response */
  constructor(status: number) {
    super(`the proxy returned HTTP ${status}`);
  }
}

/** What is wrong with a certificate, by the code with which Node rejects it. */
export const certificateFaults: Readonly<Record<string, 'authority' | 'dates' | 'name'>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'authority',
  UNABLE_TO_GET_ISSUER_CERT: 'authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'authority',
  CERT_SIGNATURE_FAILURE: 'authority',
  CERT_UNTRUSTED: 'authority',
  CERT_HAS_EXPIRED: 'dates',
  CERT_NOT_YET_VALID: 'dates',
  ERR_TLS_CERT_ALTNAME_INVALID: 'name',
};

/** Why a connection failed. Undefined when the error is not a known connection failure. */
export function connectionFailure(thrown: unknown): ConnectionFailure | undefined {
  for (const error of causes(thrown)) {
    if (error instanceof NetworkError && error.kind !== 'other')
      return { kind: error.kind, reason: error.message };
    const { code = '' } = error as NodeJS.ErrnoException;
    const [kind, reason] = kinds[code] ?? [];
    if (kind && reason) return { kind, reason: `${reason} (${code})` };
    if (certificateFaults[code]) return { kind: 'untrusted', reason: reasonOf(error) };
    if (code === 'ERR_LOCAL_ADDRESS') return { kind: 'local-address', reason: error.message };
    if (error instanceof ProxyRefusal) return { kind: 'proxy-refused', reason: error.message };
  }
  return undefined;
}
