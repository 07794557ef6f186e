/** The chain of causes of what was thrown, outermost first; members of an AggregateError are included. */
export function* causes(thrown: unknown): Generator<Error> {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    yield error;
    if (error instanceof AggregateError) for (const member of error.errors) yield* causes(member);
  }
}

/** The code of the system or TLS error at the root of what was thrown, for example `ECONNREFUSED`. */
export function failureCode(thrown: unknown): string | undefined {
  for (const error of causes(thrown)) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && !code.startsWith('ERR_INVALID')) return code;
  }
  return undefined;
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve at the moment',
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  ETIMEDOUT: 'no answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'the answer stopped in the middle',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
};

/** Why a connection failed, in words; undefined when what was thrown is no failure of a connection. */
export function connectionFailure(thrown: unknown): string | undefined {
  for (const error of causes(thrown)) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason = reasons[code];
    if (reason) return `${reason} (${code})`;
    const status = /^Proxy response \((\d+)\)/.exec(error.message)?.[1];
    if (status) return `the proxy answers HTTP ${status}`;
  }
  return undefined;
}
