import type { SecureContext } from 'node:tls';
import { Agent, Dispatcher, ProxyAgent } from 'undici';

interface Tls {
  readonly secureContext?: SecureContext;
}

/**
 * Sends each request through the proxy that `proxyFor` names for its origin, or straight there. undici's own
 * EnvHttpProxyAgent knows neither ALL_PROXY nor address ranges in NO_PROXY, and takes HTTP_PROXY for https.
 */
export class RoutingDispatcher extends Dispatcher {
  readonly #proxyFor: (url: string) => URL | undefined;
  readonly #tls: Tls;
  readonly #direct: Agent;
  readonly #proxies = new Map<string, ProxyAgent>();

  constructor(proxyFor: (url: string) => URL | undefined, tls: Tls) {
    super();
    this.#proxyFor = proxyFor;
    this.#tls = tls;
    this.#direct = new Agent({ connect: tls });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#way(String(options.origin)).dispatch(options, handler);
  }

  override close(): Promise<void>;
  override close(done: () => void): void;
  override close(done?: () => void): Promise<void> | void {
    return settled(
      this.#each((way) => way.close()),
      done,
    );
  }

  override destroy(error?: Error | null): Promise<void>;
  override destroy(done: () => void): void;
  override destroy(error: Error | null, done: () => void): void;
  override destroy(error?: Error | null | (() => void), done?: () => void): Promise<void> | void {
    const reason = typeof error === 'function' ? null : (error ?? null);
    return settled(
      this.#each((way) => way.destroy(reason)),
      typeof error === 'function' ? error : done,
    );
  }

  #way(origin: string): Dispatcher {
    const proxy = this.#proxyFor(origin);
    if (!proxy) return this.#direct;
    let agent = this.#proxies.get(proxy.href);
    if (!agent) {
      agent = new ProxyAgent({ uri: proxy.href, requestTls: this.#tls, proxyTls: this.#tls });
      this.#proxies.set(proxy.href, agent);
    }
    return agent;
  }

  async #each(act: (way: Dispatcher) => Promise<void>): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxies.values()].map(act));
  }
}

function settled(work: Promise<void>, done: (() => void) | undefined): Promise<void> | void {
  if (!done) return work;
  void work.then(done, done);
}
