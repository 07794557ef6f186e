import { readFileSync } from 'node:fs';
import * as nodeTls from 'node:tls';
import type { Agent } from 'node:http';
import { BootstrapError, type ErrorParts } from '../../core/errors.ts';
import type { NetworkError } from './errors.ts';
import { once } from '../../core/once.ts';
import type { OriginAgents } from './agents.ts';
import type { AllowedHosts } from './local.ts';
import { proxyFor, type Environment } from './proxy.ts';

/**
 * All access to the network. `HTTP(S)_PROXY` and `NO_PROXY` apply to AWS, registries and the cluster alike; their own
 * clients ignore these variables. Connections are opened on first use, kept open and shared.
 */
export interface Net {
  /**
   * The connections for a URL: HTTP/1.1, with one connection per concurrent request. With the reach `remote`, a
   * request to this computer or its local link fails with a LocalAddressError before it connects.
   */
  agentFor(url: URL, reach?: AllowedHosts): Promise<Agent>;
  /**
   * The proxy that the environment sets, for clients that need its URL.
   * @throws BootstrapError `proxy-invalid`
   */
  proxyFor(url: string): Promise<string | undefined>;
  /** The timeout to use where `milliseconds` is the regular one. Tests shorten all timeouts here. */
  timeoutMs(milliseconds: number): number;
  /** Authorities to trust; undefined for Node's default (which includes NODE_EXTRA_CA_CERTS). */
  readonly ca: readonly string[] | undefined;
  /** Authorities in addition to Node's own. */
  readonly extraAuthorities: readonly string[];
  /** The error `tls-untrusted` with the observed issuer, if a request to `url` failed for that reason. */
  untrusted(thrown: unknown, url: string, reach?: AllowedHosts): Promise<BootstrapError | undefined>;
  close(): Promise<void>;
}

/** The error to show for a request without a response: `tls-untrusted` if that is the reason, else `parts`. */
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
 * @param extraCa PEM of an authority to trust besides Node's own, for a caller that cannot set
 * NODE_EXTRA_CA_CERTS before the process starts
 * @param env the proxy settings, which are read each time they are needed
 * @param timeoutMs shortens timeouts in tests
 */
export function createNet(
  extraCa?: string,
  env: Environment = process.env,
  timeoutMs: Net['timeoutMs'] = (milliseconds) => milliseconds,
): Net {
  const extraAuthorities = [...namedAuthorities(env), ...(extraCa ? [extraCa] : [])];
  const ca = extraAuthorities.length > 0 ? [...ownAuthorities(), ...extraAuthorities] : undefined;
  const route = (url: string): URL | undefined => proxyFor(url, env);
  const tls = once(() => (ca === undefined ? {} : { secureContext: contextOf(ca) }));
  const lazyAgents = (reach: AllowedHosts) => {
    let agents: Promise<OriginAgents> | undefined;
    const open = async (): Promise<OriginAgents> => {
      const { OriginAgents } = await import('./agents.ts');
      return new OriginAgents(route, tls(), reach);
    };
    return {
      for: async (url: URL) => (await (agents ??= open())).for(url),
      close: async () => (await agents)?.destroy(),
    };
  };
  const agents = { anywhere: lazyAgents('anywhere'), remote: lazyAgents('remote') };
  return {
    timeoutMs,
    ca,
    extraAuthorities,
    agentFor: (url, reach = 'anywhere') => agents[reach].for(url),
    proxyFor: async (url) => route(url)?.href,
    untrusted: async (thrown, url, reach = 'anywhere') => {
      const { untrusted } = await import('./untrusted.ts');
      return untrusted(thrown, url, route(url), reach);
    },
    close: async () => {
      await Promise.all(Object.values(agents).map((each) => each.close()));
    },
  };
}

/** By its authorities. */
const contexts = new Map<string, nodeTls.SecureContext>();

/** The context of all connections that trust these authorities: to parse them takes 15 ms. */
function contextOf(ca: readonly string[]): nodeTls.SecureContext {
  const key = ca.join('\n');
  // Organizations often distribute only an intermediate authority, without its root. If partial chains are
  // allowed, Node 20 ignores the authorities of NODE_EXTRA_CA_CERTS, so the list contains all authorities.
  const context =
    contexts.get(key) ?? nodeTls.createSecureContext({ ca: [...ca], allowPartialTrustChain: true });
  contexts.set(key, context);
  return context;
}

/**
 * The authorities that Node trusts by its flags. Node 20 and 22.14 cannot list them; their default is the bundled
 * list.
 */
function ownAuthorities(): readonly string[] {
  const { getCACertificates } = nodeTls as { readonly getCACertificates?: (type: 'default') => string[] };
  return getCACertificates?.('default') ?? nodeTls.rootCertificates;
}

/**
 * The authorities of NODE_EXTRA_CA_CERTS. Node adds them only when no list is passed. Like Node, skips an
 * unreadable file, for which Node itself prints a warning.
 */
function namedAuthorities(env: Environment): string[] {
  const file = env['NODE_EXTRA_CA_CERTS'];
  if (!file) return [];
  try {
    return [readFileSync(file, 'utf8')];
  } catch {
    return [];
  }
}
