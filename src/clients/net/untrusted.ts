import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { causes, certificateFaults } from './errors.ts';
import { type Reach, remoteLookup } from './local.ts';

const hints = {
  authority:
    'If a proxy of your organization inspects TLS, export its CA certificate as a PEM file and set NODE_EXTRA_CA_CERTS=/path/to/ca.pem.',
  dates:
    "Check this computer's clock. If it is right, ask the operators of the server to renew its certificate.",
  name: 'Check DNS, the proxy settings and endpoint overrides: another server answers under this name.',
} as const;

/**
 * An error with the observed issuer, if `thrown` means that `url`'s certificate is not trusted; else undefined.
 * Node's own error does not contain the certificate, so this connects again to read it, and sends no request.
 */
export async function untrusted(
  thrown: unknown,
  url: string,
  proxy: URL | undefined,
  reach: Reach,
): Promise<BootstrapError | undefined> {
  for (const error of causes(thrown)) {
    const fault = certificateFaults[(error as NodeJS.ErrnoException).code ?? ''];
    if (!fault) continue;
    const target = new URL(url);
    const issuer = await presentedIssuer(target, proxy, reach);
    return new BootstrapError(
      {
        code: 'tls-untrusted',
        what: `could not connect to ${target.host}`,
        why: `${reasonOf(error)}; the certificate was issued by ${issuer}`,
        hint: hints[fault],
      },
      { cause: thrown },
    );
  }
  return undefined;
}

/**
 * In milliseconds. The server has just responded, so it responds quickly again, or the issuer is not worth the
 * wait.
 */
const timeoutMs = 3000;

async function presentedIssuer(target: URL, proxy: URL | undefined, reach: Reach): Promise<string> {
  try {
    if (proxy?.protocol.startsWith('socks')) throw new Error('not looked up through a SOCKS proxy');
    const socket = proxy ? await tunnel(target, proxy) : undefined;
    return await readIssuer(target, socket, reach);
  } catch (error) {
    return `an unknown issuer (${reasonOf(error)})`;
  }
}

function readIssuer(target: URL, socket: Socket | undefined, reach: Reach): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const probe = connectTls({
      ...(socket ? { socket } : { host, port: Number(target.port || 443) }),
      servername: host,
      ...(reach === 'remote' && { lookup: remoteLookup }),
      rejectUnauthorized: false,
      timeout: timeoutMs,
    });
    probe.once('secureConnect', () => {
      resolve(outermostIssuer(probe.getPeerCertificate(true)));
      probe.destroy();
    });
    probe.once('timeout', () => probe.destroy(new Error('no answer in time')));
    probe.once('error', reject);
  });
}

/** The issuer of the last certificate in the chain that the server sent. This issuer is the untrusted one. */
function outermostIssuer(leaf: DetailedPeerCertificate): string {
  let last = leaf;
  const seen = new Set<string>();
  let next = leaf as DetailedPeerCertificate | undefined;
  while (next && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    last = next;
    // Despite its type, undefined at the end of the chain that the server sent. A root is its own issuer.
    next = next.issuerCertificate;
  }
  const { CN, O } = last.issuer;
  return [CN, O].filter(Boolean).flat().join(', ') || 'an issuer without a name';
}

function tunnel(target: URL, proxy: URL): Promise<Socket> {
  const authority = `${target.hostname}:${target.port || 443}`;
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const { request } = proxy.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    request({
      host: proxy.hostname,
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      timeout: timeoutMs,
      headers: {
        host: authority,
        ...(proxy.username
          ? { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
          : {}),
      },
    })
      .once('connect', (response, socket) => {
        if (response.statusCode === 200) resolve(socket);
        else reject(new Error(`the proxy returned HTTP ${response.statusCode}`));
      })
      .once('timeout', function (this: http.ClientRequest) {
        this.destroy(new Error('no answer in time'));
      })
      .once('error', reject)
      .end();
  });
}
