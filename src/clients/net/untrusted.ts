import type { Socket } from 'node:net';
import { connect as connectTls, type DetailedPeerCertificate } from 'node:tls';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { causes, certificateFaults } from './errors.ts';
import { type AllowedHosts, remoteLookup } from './local.ts';
import { bareHost } from './proxy.ts';
import { openTunnel } from './tunnel.ts';

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
  reach: AllowedHosts,
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

async function presentedIssuer(target: URL, proxy: URL | undefined, reach: AllowedHosts): Promise<string> {
  try {
    const port = Number(target.port || 443);
    const socket = proxy && (await openTunnel({ proxy, host: bareHost(target), port, timeoutMs }));
    return await readIssuer(target, socket, reach);
  } catch (error) {
    return `an unknown issuer (${reasonOf(error)})`;
  }
}

function readIssuer(target: URL, socket: Socket | undefined, reach: AllowedHosts): Promise<string> {
  return new Promise((resolve, reject) => {
    const host = bareHost(target);
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
