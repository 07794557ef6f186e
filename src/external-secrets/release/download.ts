import { BootstrapError } from '../../core/errors.ts';
import { type NetworkError, toNetworkError } from '../../clients/net/errors.ts';
import { hidePassword } from '../../clients/net/proxy.ts';
import type { Net } from '../../clients/net/index.ts';
import { request } from '../../clients/net/request.ts';
import { unusable } from './parse.ts';

/** The release manifest has 1 MB. */
const maxBytes = 16 * 1024 * 1024;
const maxRedirects = 5;
/** Without any response data. */
const requestTimeoutMs = 30_000;

/**
 * Fetches a text by HTTPS, following redirects (a release asset is one). Plain HTTP is accepted only from localhost.
 * @throws BootstrapError `manifest-unusable`
 */
export async function download(address: string, net: Net): Promise<string> {
  let url = secureUrl(address, address);
  for (let hop = 0; hop <= maxRedirects; hop += 1) {
    const response = await get(url, net, address);
    if (typeof response === 'string') return response;
    url = secureUrl(response.location, address, url);
  }
  throw unusable(address, `more than ${maxRedirects} redirects`);
}

async function get(url: URL, net: Net, address: string): Promise<string | { location: string }> {
  try {
    const { status, header, body } = await request(net, url, {
      headers: { accept: '*/*', 'user-agent': 'ecr-bootstrap' },
      headersTimeoutMs: requestTimeoutMs,
    });
    const location = header('location');
    if (status >= 300 && status < 400 && location !== undefined) {
      body.destroy();
      return { location };
    }
    if (status === 200) return await readAll(body, address);
    body.destroy();
    throw unusable(address, `${url.host} returned HTTP ${status}`);
  } catch (error) {
    if (error instanceof BootstrapError) throw error;
    throw (await net.untrusted(error, url.href)) ?? unreachable(address, toNetworkError(error, { url }));
  }
}

async function readAll(body: AsyncIterable<Buffer>, address: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw unusable(address, `it is larger than ${maxBytes / 1024 / 1024} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function secureUrl(location: string, address: string, base?: URL): URL {
  const url = URL.canParse(location, base?.href) ? new URL(location, base) : undefined;
  if (url === undefined) throw unusable(address, `${location} is not a URL`);
  hidePassword(url);
  const isLocalhost = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocalhost)) return url;
  throw unusable(address, `${url.origin} does not use HTTPS`);
}

const unreachable = (address: string, error: NetworkError): BootstrapError =>
  unusable(address, `${error.host}: ${error.message}`, error);
