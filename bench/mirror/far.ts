import type { Net } from '../../src/clients/net/index.ts';

/**
 * Hosts of loopback under names of elsewhere. The product first asks a host of loopback whether it speaks TLS, which
 * costs round trips that nobody pays at a registry of the internet: that one is spoken to by HTTPS, no question asked.
 */
const elsewhere = 'loopback.test';
const loopback = '127.0.0.1';

export const farName = (host: string): string => host.replace(loopback, elsewhere);

/** Leads requests for {@link farName}s back to loopback. @param protocol what its registries really speak */
export function leadBack(net: Net, protocol: 'http' | 'https'): Net {
  const near = ({ port }: URL) => new URL(`${protocol}://${loopback}:${port}`);
  const dispatcher = async () => {
    const inner = await net.dispatcher();
    return inner.compose((dispatch) => (options, handler) => {
      const origin = new URL(String(options.origin));
      if (origin.hostname !== elsewhere) return dispatch(options, handler);
      return dispatch({ ...options, origin: near(origin).origin }, handler);
    });
  };
  const ahead = (url: URL) => net.ahead(url.hostname === elsewhere ? near(url) : url);
  return { ...net, dispatcher, ahead };
}
