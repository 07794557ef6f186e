import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Agent } from 'node:http';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { notAProxy, parseProxy } from '../net/proxy.ts';
import type { TlsOptions } from '../net/agents.ts';
import type { Net } from '../net/index.ts';
import { type ClientCredentials, readNamedFile } from './credentials.ts';
import { type KubeContext, unconfigured } from './kubeconfig.ts';

/** How to open connections to the API server: authorities, client certificate, server name. */
export async function tlsOptions(
  { cluster }: KubeContext,
  { cert, key }: ClientCredentials,
  net: Net,
): Promise<TlsOptions> {
  const own = await authorityOf(cluster);
  // A kubeconfig's authority replaces all others, except extra ones that a proxy may need.
  const ca = own === undefined ? net.ca : [own, ...net.extraAuthorities];
  return {
    // Created once: with a list of authorities, each connection would parse them again.
    secureContext: contextOf({
      // A cluster's authority is often an intermediate one. kubectl accepts it without its root.
      ...(ca === undefined ? {} : { ca: [...ca], allowPartialTrustChain: true }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    }),
    ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
  };
}

function contextOf(parts: SecureContextOptions & Pick<ClientCredentials, 'cert' | 'key'>): SecureContext {
  try {
    return createSecureContext(parts);
  } catch (error) {
    throw unconfigured(
      'could not use the client certificate and key of the kubeconfig',
      describeDamage(parts) ?? reasonOf(error),
      { cause: error },
    );
  }
}

/** Explains a damaged client certificate or key more clearly than OpenSSL. */
function describeDamage({ cert, key }: Pick<ClientCredentials, 'cert' | 'key'>): string | undefined {
  try {
    if (cert !== undefined) new X509Certificate(cert);
  } catch {
    return 'the client certificate is not in PEM format';
  }
  try {
    if (key !== undefined) createPrivateKey(key);
  } catch {
    return 'the client key is not a private key in PEM format';
  }
  return undefined;
}

/** The kubeconfig's proxy-url takes precedence over the environment's proxy. */
export async function openConnections({ cluster }: KubeContext, tls: TlsOptions, net: Net): Promise<Agent> {
  const { openAgent } = await import('../net/agents.ts');
  const text = cluster.proxyUrl || (await net.proxyFor(cluster.server));
  const proxy = text ? parseProxy(text) : undefined;
  if (text && !proxy) {
    throw new BootstrapError({
      code: 'proxy-invalid',
      what: `could not use proxy ${text} for ${cluster.server}`,
      why: notAProxy,
      hint: 'Correct proxy-url in the kubeconfig, or HTTPS_PROXY.',
    });
  }
  return openAgent(new URL(cluster.server).protocol, { proxy, tls });
}

async function authorityOf({ name, caFile, caData }: KubeContext['cluster']): Promise<string | undefined> {
  if (caData)
    return certificatesIn(
      Buffer.from(caData, 'base64').toString(),
      `certificate-authority-data of cluster ${name}`,
    );
  if (!caFile) return undefined;
  const content = (await readNamedFile('certificate-authority', caFile)).toString();
  return certificatesIn(content, `certificate-authority ${caFile}`);
}

/**
 * The readable certificates. Like kubectl, skips damaged ones. Node would ignore all certificates after a damaged
 * one.
 */
function certificatesIn(pem: string, origin: string): string {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  const readable = certificates.filter(isCertificate);
  if (readable.length > 0) return readable.join('\n');
  const why =
    certificates.length === 0
      ? 'it contains no certificate in PEM format'
      : 'it contains a damaged certificate';
  throw unconfigured(`could not use the ${origin}`, why);
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
