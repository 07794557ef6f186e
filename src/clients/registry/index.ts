import type { Clock } from '../../core/clock.ts';
import { findLocalAddress } from '../net/local.ts';
import { oncePerKey } from '../../core/once.ts';
import type { Net } from '../net/index.ts';
import { HostAuth } from './auth.ts';
import { type OnPut, type Registry, RegistryClient } from './client.ts';
import { type CredentialStore, HelperError, type HostCredential, loginCommand } from './credentials.ts';
import {
  apiHost,
  type DestinationRules,
  Destinations,
  HostSet,
  localAddressRefusal,
  registryName,
} from './destinations.ts';
import type { MirrorHistory } from './history.ts';
import { type HostOptions, RegistryHost } from './host.ts';
import type { Rates } from './limiter.ts';
import { RegistryTransport } from './transport.ts';

export interface RegistriesOptions {
  readonly net: Net;
  readonly clock: Clock;
  /** Logins to the sources. */
  readonly credentials: CredentialStore;
  /** What earlier runs observed about the sources. */
  readonly history?: MirrorHistory;
  /**
   * Hosts that the user lists. Only these may be this computer or on its local link. If undefined, every host may
   * be.
   */
  readonly listed?: HostSet;
  /** Hosts that may be used without TLS, in addition to listed ones on this computer. */
  readonly insecure?: readonly string[];
}

export interface Registries {
  /**
   * A registry to pull from. Each host has one client, so that all callers share its limits.
   * @param host as in references
   */
  source(host: string): Registry;
  /**
   * Checks a source for a client that opens its own connections: its host must not be local, as far as its name
   * currently resolves.
   * @throws RegistryError `address-not-allowed`
   */
  readonly refuseLocal: (host: string, what: string) => Promise<void>;
  /** The registry to write to. */
  own(host: string, identity: HostCredential, rates: Rates, onPut?: OnPut): Registry;
}

/** Creates clients of registries. They send nothing before their first use. */
export function openRegistries(options: RegistriesOptions): Registries {
  const { net, clock, credentials, history, listed } = options;
  const insecure = new HostSet(options.insecure);
  const sources = new Map<string, Registry>();
  const base = (host: string, rules: DestinationRules) => {
    const destinations = new Destinations(host, rules);
    return { host, destinations, transport: new RegistryTransport(net, clock, destinations), clock };
  };
  const sourceRules = { insecure, ...(listed && { listed }) };
  const identityOf = (host: string, isKnown = true): HostCredential => {
    let failure: HelperError | undefined;
    return {
      credential: async () => {
        try {
          return isKnown ? await credentials.find(host) : undefined;
        } catch (error) {
          if (!(error instanceof HelperError)) throw error;
          failure = error;
          return undefined;
        }
      },
      get hint() {
        return failure
          ? `The request had no login, because ${failure.message}. ${failure.hint}`
          : `Run ${loginCommand(host)}, or check that this login may pull the image.`;
      },
    };
  };
  /**
   * A registry that only a tenant of the cluster references must not cause a read with the user's login for
   * another registry. So only requests that listed registries redirect use the logins of other hosts.
   */
  const elsewhere = (from: string): HostOptions['elsewhere'] => {
    const isTrusted = !listed || listed.has(new URL(`https://${apiHost(from)}`));
    const auths = new Map<string, HostAuth>();
    return ({ host: api }) => {
      const host = registryName(api);
      const auth =
        auths.get(host) ??
        new HostAuth({ ...base(host, sourceRules), identity: identityOf(host, isTrusted) });
      auths.set(host, auth);
      return auth;
    };
  };
  // A name that does not resolve can take seconds, and thousands of images have the same host.
  const localAddressOf = oncePerKey(findLocalAddress);
  const open = (host: string): Registry =>
    new RegistryClient(
      new RegistryHost({
        ...base(host, sourceRules),
        identity: identityOf(host),
        elsewhere: elsewhere(host),
        ...(history && { history }),
      }),
      'pull',
    );
  return {
    source: (host) => {
      const registry = sources.get(host) ?? open(host);
      sources.set(host, registry);
      return registry;
    },
    refuseLocal: async (host, what) => {
      const url = new URL(`https://${apiHost(host)}`);
      if (!listed || listed.has(url)) return;
      const local = await localAddressOf(url.hostname);
      if (local) throw localAddressRefusal(what, local.message, url, local);
    },
    own: (host, identity, rates, onPut) =>
      new RegistryClient(
        new RegistryHost({ ...base(host, { insecure }), elsewhere: elsewhere(host), identity, rates }),
        'pull,push',
        onPut,
      ),
  };
}
