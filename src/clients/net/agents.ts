import { Agent, ProxyAgent, Socks5ProxyAgent, type buildConnector, type Dispatcher } from 'undici';

interface AgentOptions {
  /** For the connection to the server, directly or through the proxy. */
  readonly requestTls: buildConnector.BuildOptions;
  /** For the connection to the proxy itself. */
  readonly proxyTls?: buildConnector.BuildOptions;
  /** Maximum number of connections to one origin. */
  readonly connections?: number;
}

/** Opens separate connections, through a proxy if one is given. */
export const openAgent = (proxy: string | undefined, options: AgentOptions): Dispatcher =>
  proxy ? proxyAgent(proxy, options) : directAgent(options);

const directAgent = ({ requestTls, connections }: AgentOptions): Dispatcher =>
  new Agent({ connect: requestTls, ...(connections && { connections }) });

/** An agent for a proxy. As in Go, a SOCKS5 proxy resolves names itself, with either scheme. */
export function proxyAgent(uri: string, options: AgentOptions): Dispatcher {
  if (!/^socks5h?:/i.test(uri)) return new ProxyAgent({ uri, ...options });
  const { requestTls, connections } = options;
  // The declared type lacks `requestTls`.
  const socksOptions: Socks5ProxyAgent.Options & Pick<AgentOptions, 'requestTls'> = {
    requestTls,
    ...(connections && { connections }),
  };
  return new Socks5ProxyAgent(uri.replace(/^socks5h/i, 'socks5'), socksOptions);
}
