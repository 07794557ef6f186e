import { reasonOf } from '../../core/errors.ts';
import { connectionFailure, failureCode } from '../net/failure.ts';
import { LocalAddressError, type Reach } from '../net/local.ts';
import type { Net } from '../net/index.ts';
import { localRefusal } from './destinations.ts';
import { RegistryError } from './errors.ts';

/** Waiting does not cure a name that does not exist. */
const hopeless = new Set(['ENOTFOUND', 'ENETUNREACH', 'EHOSTUNREACH']);
/** A proxy that does not let us through or finds nobody there, in the words of {@link connectionFailure}. */
const stoppedByProxy = /^the proxy answers/;
const neverConnected = new Set([...hopeless, 'EAI_AGAIN', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);

/** Turns a failure of the network into an error that says what to do. */
export async function networkError(
  what: string,
  url: URL,
  thrown: unknown,
  net: Net,
  reach: Reach,
): Promise<RegistryError> {
  if (thrown instanceof LocalAddressError) return localRefusal(what, thrown.message, url, thrown);
  const untrusted = await net.untrusted(thrown, url.href, reach);
  if (untrusted) return new RegistryError(untrusted, {}, { cause: thrown });
  const code = failureCode(thrown) ?? '';
  const reason = connectionFailure(thrown) ?? reasonOf(thrown);
  const why = `${url.host}: ${reason}`;
  const isStopped = stoppedByProxy.test(reason);
  if (isStopped || neverConnected.has(code)) {
    const hint = `Check the name ${url.hostname}, and HTTPS_PROXY and NO_PROXY if a proxy is needed.`;
    const failure = { retryable: !isStopped && !hopeless.has(code) };
    return new RegistryError({ code: 'registry-unreachable', what, why, hint }, failure, { cause: thrown });
  }
  const hint = 'Run the same command again; what was copied is not copied again.';
  return new RegistryError(
    { code: 'registry-failed', what, why, hint },
    { retryable: code !== 'UND_ERR_HEADERS_OVERFLOW' },
    { cause: thrown },
  );
}
