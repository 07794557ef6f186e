import { isLocalHost, type AllowedHosts } from '../net/local.ts';
import { forbiddenRedirect, RegistryError } from './errors.ts';

/** Docker Hub's images have one host in their references, and another host serves them. */
const apiHosts: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/** The host that serves a registry. @param name as in references */
export const apiHost = (name: string): string => apiHosts[name] ?? name;

/** The name, as in references, of the registry that a host serves. */
export const registryName = (host: string): string =>
  Object.keys(apiHosts).find((name) => apiHosts[name] === host) ?? host;

/** Registry hosts, as in references, for comparison with URLs. */
export class HostSet {
  readonly #hosts = new Set<string>();

  constructor(hosts: Iterable<string> = []) {
    for (const host of hosts) this.add(host);
  }

  add(host: string): void {
    for (const protocol of ['https:', 'http:']) {
      const text = `${protocol}//${apiHost(host)}`;
      if (URL.canParse(text)) this.#hosts.add(normalHost(new URL(text)));
    }
  }

  has(url: URL): boolean {
    return this.#hosts.has(normalHost(url));
  }
}

const defaultPorts: Readonly<Record<string, string>> = { 'https:': '443', 'http:': '80' };
const normalHost = ({ protocol, hostname, port }: URL) =>
  `${hostname}:${port || (defaultPorts[protocol] ?? '')}`;

export interface DestinationRules {
  /** Hosts that the user lists. Undefined for the account's own registry, which may redirect to any host. */
  readonly listed?: HostSet;
  /** Hosts that may be used without TLS. */
  readonly insecure: HostSet;
}

/**
 * Where requests to one registry may lead, including its token service and redirects. Any tenant of a cluster can
 * write a reference, so only hosts that the user lists may be this computer or on its local link.
 */
export class Destinations {
  readonly #base: URL;
  readonly #rules: DestinationRules;

  /** @param host the registry, as in references */
  constructor(host: string, rules: DestinationRules) {
    this.#base = new URL(`https://${apiHost(host)}`);
    this.#rules = rules;
  }

  /** A listed registry may also use other ports of its own host. */
  reach(url: URL): AllowedHosts {
    const { listed } = this.#rules;
    if (!listed || listed.has(url)) return 'anywhere';
    const isOwnHost = url.hostname === this.#base.hostname && listed.has(this.#base);
    return isOwnHost ? 'anywhere' : 'remote';
  }

  mayBePlain(url: URL): boolean {
    if (this.#rules.insecure.has(url)) return true;
    return isLoopback(url.hostname) && this.reach(url) === 'anywhere';
  }

  /**
   * The URL to request when the registry names a token service or redirects.
   * @param from the URL that redirects; undefined for a token service, which the registry itself names
   * @throws RegistryError when requests to that URL are not allowed
   */
  onward(location: string, what: string, from?: URL): URL {
    const sender = (from ?? this.#base).host;
    const sends = from ? `${sender} redirects to` : `${sender} names the token service`;
    if (!URL.canParse(location, from?.href))
      throw forbiddenRedirect(what, `${sends} something that is not a URL`);
    const url = new URL(location, from);
    // Registries behind a TLS proxy often use http in their own URLs.
    if (url.protocol === 'http:' && url.host === sender && !this.mayBePlain(url)) url.protocol = 'https:';
    if (this.reach(url) === 'remote' && isLocalHost(url.hostname))
      throw localAddressRefusal(what, `${sends} ${url.host}, a local address`, url);
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && this.mayBePlain(url)))
      throw forbiddenRedirect(what, `${sends} ${url.protocol}//${url.host}, which does not use TLS`);
    // A login in this URL comes from the registry, not from the user.
    url.username = '';
    url.password = '';
    return url;
  }
}

/** Whether a host is this computer, by the usual names for which plain HTTP is allowed. */
const isLoopback = (hostname: string) =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** The error for a request that would reach this computer or its local link, at a host that the user does not list. */
export const localAddressRefusal = (
  what: string,
  why: string,
  { host }: URL,
  cause?: unknown,
): RegistryError =>
  new RegistryError(
    {
      code: 'address-not-allowed',
      what,
      why: `${why}, and you do not list ${host}`,
      hint:
        'Add the image to images.exclude in ecr-bootstrap.yaml. If you trust this host, copy its images with ' +
        'ecr-bootstrap mirror IMAGE, or add one of them to images.list.',
    },
    {},
    { cause },
  );
