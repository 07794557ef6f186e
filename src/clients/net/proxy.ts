import { BlockList, isIP } from 'node:net';
import { BootstrapError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment sets for a URL. The rules are those of Go's net/http, which kubectl, docker and
 * the operator also follow: lower-case names first, ALL_PROXY last, never for loopback. NO_PROXY has domains
 * (which include their subdomains), addresses, CIDR ranges, `host:port` and `*`.
 * @throws BootstrapError `proxy-invalid`
 */
export function proxyFor(target: string | URL, env: Environment): URL | undefined {
  const url = new URL(target);
  const setting = find(env, `${url.protocol.slice(0, -1)}_proxy`) ?? find(env, 'all_proxy');
  if (!setting || isLoopback(url) || isExempt(url, find(env, 'no_proxy')?.value ?? '')) return undefined;
  return parse(setting);
}

interface Setting {
  readonly variable: string;
  readonly value: string;
}

function find(env: Environment, name: string): Setting | undefined {
  for (const variable of [name, name.toUpperCase()]) {
    const value = env[variable]?.trim();
    if (value) return { variable, value };
  }
  return undefined;
}

function parse({ variable, value }: Setting): URL {
  const proxy = parseProxy(value.includes('://') ? value : `http://${value}`);
  if (!proxy) {
    throw new BootstrapError({
      code: 'proxy-invalid',
      what: `could not use the proxy of ${variable}`,
      why: notAProxy,
      hint: `Set ${variable} to a URL, for example http://proxy.example.com:3128, or unset it.`,
    });
  }
  return proxy;
}

export const notAProxy = 'its value is not an http://, https:// or socks5:// URL';

/** Redacts the password too. Undefined for a URL that no proxy has. */
export function parseProxy(text: string): URL | undefined {
  const proxy = URL.canParse(text) ? new URL(text) : undefined;
  if (!proxy) return undefined;
  hidePassword(proxy);
  const isProxy = proxy.hostname && ['http:', 'https:', 'socks5:', 'socks5h:'].includes(proxy.protocol);
  return isProxy ? proxy : undefined;
}

/** Redacts a URL's password, and the header that contains it: error messages may repeat both. */
export function hidePassword({ username, password }: URL): void {
  if (!password) return;
  const [user, plain] = [decodeURIComponent(username), decodeURIComponent(password)];
  new Secret(password);
  new Secret(plain);
  new Secret(Buffer.from(`${user}:${plain}`).toString('base64'));
}

const defaultPorts: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/** The host without the brackets of an IPv6 address. */
export const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '').toLowerCase();

function isLoopback(url: URL): boolean {
  const host = bareHost(url);
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isExempt(url: URL, list: string): boolean {
  const host = bareHost(url);
  const port = url.port || (defaultPorts[url.protocol] ?? '');
  return list
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => exempts(entry.toLowerCase(), host, port));
}

function exempts(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(host, entry);
  const [, name = entry, onlyPort] =
    /^\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) ? `[${entry}]` : entry) ?? [];
  if (onlyPort && onlyPort !== port) return false;
  const domain = name.replace(/^\*?\./, '');
  return host.endsWith(`.${domain}`) || (host === domain && (domain === name || isIP(host) > 0));
}

function isInRange(host: string, range: string): boolean {
  const [network = '', bits = ''] = range.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d+$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const ranges = new BlockList();
  ranges.addSubnet(network, Number(bits), type);
  return ranges.check(host, type);
}
