import type { SecureContext } from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { Agent, buildConnector, Dispatcher } from 'undici';
import { isLocalHost, LocalAddressError, type Reach, remoteLookup } from './local.ts';
import { proxyAgent } from './agents.ts';

// To optimize undici's parser (WebAssembly with one large function), V8 needs a tenth of a second of CPU time and
// 35 MB, and the process cannot exit before that ends. A mirror run with nothing new then takes 50 % longer.
// Without the second flag, V8 would optimize the parser at once.
setFlagsFromString('--no-wasm-dynamic-tiering');
setFlagsFromString('--no-wasm-tier-up');

interface Tls {
  readonly secureContext?: SecureContext;
}

/**
 * Sends each request through the proxy that `proxyFor` returns for its origin, or directly. undici's own
 * EnvHttpProxyAgent supports neither ALL_PROXY nor address ranges in NO_PROXY, and uses HTTP_PROXY for https.
 */
export class RoutingDispatcher extends Dispatcher {
  readonly #proxyFor: (url: string) => URL | undefined;
  readonly #tls: Tls;
  readonly #reach: Reach;
  readonly #direct: Agent;
  readonly #proxies = new Map<string, Dispatcher>();
  /** Cached by origin, because reading the environment takes a tenth of a request's time. */
  readonly #routes = new Map<string, Dispatcher>();

  /** @param reach behind a proxy, which resolves names itself, only the text of the host is checked */
  constructor(proxyFor: (url: string) => URL | undefined, tls: Tls, reach: Reach) {
    super();
    this.#proxyFor = proxyFor;
    this.#tls = tls;
    this.#reach = reach;
    const connect = buildConnector({ ...tls, ...(reach === 'remote' && { lookup: remoteLookup }) });
    this.#direct = new Agent({ connect });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#route(String(options.origin)).dispatch(options, handler);
  }

  override close(): Promise<void>;
  override close(done: () => void): void;
  override close(done?: () => void): Promise<void> | void {
    return settled(
      this.#each((dispatcher) => dispatcher.close()),
      done,
    );
  }

  override destroy(error?: Error | null): Promise<void>;
  override destroy(done: () => void): void;
  override destroy(error: Error | null, done: () => void): void;
  override destroy(error?: Error | null | (() => void), done?: () => void): Promise<void> | void {
    const reason = typeof error === 'function' ? null : (error ?? null);
    return settled(
      this.#each((dispatcher) => dispatcher.destroy(reason)),
      typeof error === 'function' ? error : done,
    );
  }

  #route(origin: string): Dispatcher {
    const known = this.#routes.get(origin);
    if (known) return known;
    const dispatcher = this.#find(origin);
    this.#routes.set(origin, dispatcher);
    return dispatcher;
  }

  #find(origin: string): Dispatcher {
    const { hostname } = new URL(origin);
    if (this.#reach === 'remote' && isLocalHost(hostname)) throw new LocalAddressError(hostname);
    const proxy = this.#proxyFor(origin);
    if (!proxy) return this.#direct;
    let agent = this.#proxies.get(proxy.href);
    if (!agent) {
      agent = proxyAgent(proxy.href, { requestTls: this.#tls, proxyTls: this.#tls });
      this.#proxies.set(proxy.href, agent);
    }
    return agent;
  }

  async #each(act: (dispatcher: Dispatcher) => Promise<void>): Promise<void> {
    await Promise.all([this.#direct, ...this.#proxies.values()].map(act));
  }
}

function settled(work: Promise<void>, done: (() => void) | undefined): Promise<void> | void {
  if (!done) return work;
  void work.then(done, done);
}
