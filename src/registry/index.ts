import type { Clock } from '../clock.ts';
import type { Net } from '../net/index.ts';
import { Registry } from './client.ts';
import type { Credentials, Identity } from './credentials.ts';
import type { Hints } from './hints.ts';
import { RegistryHost } from './host.ts';
import type { Rates } from './limiter.ts';
import { Transport } from './transport.ts';

export interface RegistriesOptions {
  readonly net: Net;
  readonly clock: Clock;
  /** Logins to the sources. */
  readonly credentials: Credentials;
  /** What earlier runs saw of the sources. */
  readonly hints?: Hints;
  /** Hosts that may be spoken to without TLS, besides this machine. */
  readonly insecure?: readonly string[];
}

export interface Registries {
  /** A registry to pull from. One client for each host, so that all share its limits. @param host as it stands in references */
  source(host: string): Registry;
  /** The registry that is written to. */
  own(host: string, identity: Identity, rates: Rates): Registry;
}

/** Clients of registries. Nothing is sent before one is used. */
export function openRegistries(options: RegistriesOptions): Registries {
  const { net, clock, credentials, hints, insecure = [] } = options;
  const transport = new Transport(net, clock);
  const sources = new Map<string, Registry>();
  const base = (host: string) => ({ host, transport, clock, insecure: insecure.includes(host) });
  const open = (host: string): Registry => {
    const identity: Identity = {
      credential: () => credentials.find(host),
      hint: `Log in, or check the login and its rights: docker login ${host === 'docker.io' ? '' : host}`.trim(),
    };
    return new Registry(new RegistryHost({ ...base(host), identity, ...(hints && { hints }) }), 'pull');
  };
  return {
    source: (host) => {
      const registry = sources.get(host) ?? open(host);
      sources.set(host, registry);
      return registry;
    },
    own: (host, identity, rates) =>
      new Registry(new RegistryHost({ ...base(host), identity, rates }), 'pull,push'),
  };
}
