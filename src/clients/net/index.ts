import { readFileSync } from 'node:fs';
import * as nodeTls from 'node:tls';
import type { Dispatcher } from 'undici';
import { BootstrapError, type ErrorParts } from '../../core/errors.ts';
import type { NetworkError } from './errors.ts';
import { once } from '../../core/once.ts';
import type { Reach } from './local.ts';
import { proxyFor, type Environment } from './proxy.ts';

/**
 * All access to the network. `HTTP(S)_PROXY` and `NO_PROXY` apply to AWS, registries and the cluster alike;
 * their own clients ignore them. Connections are opened when first used, kept and shared.
 */
export interface Net {
  /**
   * For undici: AWS, registries and the Kubernetes API. HTTP/1.1, as many connections as there are requests. With the
   * reach `remote` a request to this computer or its local link fails with a LocalAddressError before it connects.
   */
  dispatcher(reach?: Reach): Promise<Dispatcher>;
  /**
   * The proxy that the environment asks for, for clients that want its URL.
   * @throws BootstrapError `proxy-invalid`
   */
  proxyFor(url: string): Promise<string | undefined>;
  /** How long to wait for an answer where `milliseconds` are due: the one place where tests can be impatient. */
  timeoutMs(milliseconds: number): number;
  /** Authorities to trust, or undefined for Node's own choice (which includes NODE_EXTRA_CA_CERTS). */
  readonly ca: readonly string[] | undefined;
  /** Those of them that Node does not have by itself. */
  readonly extraAuthorities: readonly string[];
  /** The error `tls-untrusted` that names the issuer seen, if that is why a request to `url` failed. */
  untrusted(thrown: unknown, url: string, reach?: Reach): Promise<BootstrapError | undefined>;
  close(): Promise<void>;
}

/** The error to show for a request without an answer: `tls-untrusted` where that is the reason, else `parts`. */
export async function unreachableError(
  net: Net,
  error: NetworkError,
  parts: Omit<ErrorParts, 'why'>,
): Promise<BootstrapError> {
  return (
    (await net.untrusted(error, error.url.href, error.reach)) ??
    new BootstrapError({ ...parts, why: `${error.host}: ${error.message}` }, { cause: error })
  );
}

/**
 * @param extraCa PEM of an authority to trust besides Node's own, for a caller that cannot set NODE_EXTRA_CA_CERTS before the process starts.
 * @param env where the proxy settings are read, each time they are needed.
 * @param timeoutMs shortens waiting in tests
 */
export function createNet(
  extraCa?: string,
  env: Environment = process.env,
  timeoutMs: Net['timeoutMs'] = (milliseconds) => milliseconds,
): Net {
  const extraAuthorities = [...namedAuthorities(env), ...(extraCa ? [extraCa] : [])];
  const ca = extraAuthorities.length > 0 ? [...ownAuthorities(), ...extraAuthorities] : undefined;
  const route = (url: string): URL | undefined => proxyFor(url, env);
  // One context for all connections: to parse all authorities takes each of them 15 ms.
  const tls = once(() => {
    if (ca === undefined) return {};
    // Organizations often give away an intermediate authority only, without its root. Node 20 forgets the authorities of
    // NODE_EXTRA_CA_CERTS where this is allowed, so all of them are given.
    return { secureContext: nodeTls.createSecureContext({ ca, allowPartialTrustChain: true }) };
  });
  const wayOut = (reach: Reach) => {
    let dispatcher: Promise<Dispatcher> | undefined;
    const open = async (): Promise<Dispatcher> => {
      const { RoutingDispatcher } = await import('./dispatcher.ts');
      return new RoutingDispatcher(route, tls(), reach);
    };
    return {
      dispatcher: () => (dispatcher ??= open()),
      close: async () => (await dispatcher)?.destroy(),
    };
  };
  const waysOut = { anywhere: wayOut('anywhere'), remote: wayOut('remote') };
  return {
    timeoutMs,
    ca,
    extraAuthorities,
    dispatcher: (reach = 'anywhere') => waysOut[reach].dispatcher(),
    proxyFor: async (url) => route(url)?.href,
    untrusted: async (thrown, url, reach = 'anywhere') => {
      const { untrusted } = await import('./untrusted.ts');
      return untrusted(thrown, url, route(url), reach);
    },
    close: async () => {
      await Promise.all(Object.values(waysOut).map((way) => way.close()));
    },
  };
}

/** The authorities that Node trusts by its flags. Node 20 and 22.14 cannot list them; these have no others by default. */
function ownAuthorities(): readonly string[] {
  const { getCACertificates } = nodeTls as { readonly getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default') ?? nodeTls.rootCertificates;
}

/** What Node itself adds to its authorities, which it no longer does once a list is given. An unreadable file is skipped as Node does, with its own warning. */
function namedAuthorities(env: Environment): string[] {
  const file = env['NODE_EXTRA_CA_CERTS'];
  if (!file) return [];
  try {
    return [readFileSync(file, 'utf8')];
  } catch {
    return [];
  }
}
