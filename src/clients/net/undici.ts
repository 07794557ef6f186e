import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type * as Undici from 'undici';

const require = createRequire(import.meta.url);

/**
 * undici's parser is WebAssembly with one function so large that V8 takes a tenth of a second of a processor and 35 MB
 * to optimise it, and a process that wants to end waits for that. It reads only heads: after 20,000 answers that had not
 * paid off yet. Without the second flag V8 would optimise all of it at once.
 */
setFlagsFromString('--no-wasm-dynamic-tiering');
setFlagsFromString('--no-wasm-tier-up');

/**
 * The parts of undici that are used here, each by its own file. Its index loads fetch, WebSocket and mocks as well, and
 * Node's own copy of fetch with them: 75 ms, where these parts take 25. For that undici's version is pinned.
 */
const load = (file: string): unknown => require(`undici/lib/${file}`);

export const Agent = load('dispatcher/agent.js') as typeof Undici.Agent;
export const buildConnector = load('core/connect.js') as typeof Undici.buildConnector;
export const Dispatcher = load('dispatcher/dispatcher.js') as typeof Undici.Dispatcher;
type ProxyOptions = Pick<Undici.ProxyAgent.Options, 'requestTls' | 'proxyTls' | 'connections'> & {
  readonly uri: string;
};

/**
 * An agent for a proxy, loaded with the first one: few need any. A SOCKS5 proxy resolves names itself, with either scheme,
 * as in Go.
 */
export function proxyAgent({ uri, ...options }: ProxyOptions): Undici.Dispatcher {
  if (/^socks5h?:/i.test(uri)) {
    const SocksAgent = load('dispatcher/socks5-proxy-agent.js') as typeof Undici.Socks5ProxyAgent;
    const { requestTls, connections } = options;
    return new SocksAgent(uri.replace(/^socks5h/i, 'socks5'), {
      ...(requestTls && { requestTls }),
      ...(connections && { connections }),
    });
  }
  const ProxyAgent = load('dispatcher/proxy-agent.js') as typeof Undici.ProxyAgent;
  return new ProxyAgent({ uri, ...options });
}

// As its index does: the methods that are made of `dispatch`, which proxies need too.
Object.assign(Dispatcher.prototype, load('api/index.js'));

type RequestOptions = Omit<Undici.Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly method?: Undici.Dispatcher.HttpMethod;
  readonly dispatcher: Undici.Dispatcher;
};

/** undici's `request`, always by a dispatcher of ours. */
export function request(
  address: string | URL,
  { dispatcher, method = 'GET', ...options }: RequestOptions,
): Promise<Undici.Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(address);
  return dispatcher.request({ ...options, method, origin, path: pathname + search });
}
