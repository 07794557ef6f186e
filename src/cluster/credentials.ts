import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { User } from '@kubernetes/client-node/dist/config_types.js';
import { BootstrapError, reasonOf } from '../errors/index.ts';
import { Secret } from '../secret.ts';
import type { PluginBounds } from './exec-plugin.ts';
import type { Impersonation, KubeCluster, KubeContext, KubeUser } from './kubeconfig.ts';

/** What a request shows to the API server: headers, or a client certificate for the connection. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

/**
 * Runs the exec plugin or refreshes the OIDC token where the user has one; the rest is in the kubeconfig.
 * @throws BootstrapError `cluster-unreachable` when that fails
 */
export async function credentialsOf(
  { name, cluster, user }: KubeContext,
  bounds: PluginBounds,
): Promise<Credentials> {
  if (!user) return { headers: {} };
  try {
    const cert = await pem(user.certFile, user.certData);
    const key = cert && (await pem(user.keyFile, user.keyData));
    const given = await authenticate(user, cluster, bounds);
    const login = { ...basic(user), ...(await bearer(user)), ...given.headers };
    const headers = { ...login, ...impersonation(user.impersonate) };
    hide(login['Authorization']?.replace(/^\w+ /, ''), user.password, key?.toString(), given.key?.toString());
    return { headers, ...defined('cert', given.cert ?? cert), ...defined('key', given.key ?? key) };
  } catch (error) {
    const { command, installHint } = user.exec ?? {};
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const check = `Check with: kubectl --context ${name} get namespaces`;
    throw new BootstrapError(
      {
        code: 'cluster-unreachable',
        what: `get the credentials of context ${name}`,
        why: isMissing && command ? `${command} is not installed` : reasonOf(error),
        hint: installHint ? `${installHint.trim().replace(/\s*\n\s*/g, ' ')} ${check}` : check,
      },
      { cause: error },
    );
  }
}

/** Why credentials that the server refused may be over, as far as they tell. */
export function expiryOf({ cert }: Credentials): string | undefined {
  if (!cert) return undefined;
  const { validTo } = new X509Certificate(cert);
  return Date.parse(validTo) < Date.now() ? `the client certificate ended on ${validTo}` : undefined;
}

interface Given {
  readonly headers: Readonly<Record<string, string>>;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

async function authenticate(user: KubeUser, cluster: KubeCluster, bounds: PluginBounds): Promise<Given> {
  const options: { headers: Record<string, string>; cert?: string; key?: string } = { headers: {} };
  if (user.exec) {
    const { runPlugin } = await import('./exec-plugin.ts');
    return runPlugin(
      user.exec,
      bounds,
      user.exec.provideClusterInfo ? await clusterInfo(cluster) : undefined,
    );
  }
  if (user.authProvider) {
    const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
    const oidc = new OpenIDConnectAuth();
    // It reads and changes nothing but the provider's own settings.
    const asClient = user as unknown as User;
    if (!oidc.isAuthProvider(asClient)) {
      const { name } = user.authProvider as { name?: string };
      throw new Error(`auth-provider ${name ?? ''} is not supported, exec plugins are`);
    }
    await oidc.applyAuthentication(asClient, options);
  }
  return options;
}

/** What a plugin gets to know about the cluster: client-go's rest/exec.go, ConfigToExecCluster. */
async function clusterInfo(cluster: KubeCluster): Promise<object> {
  const ca = cluster.caData ?? (cluster.caFile && (await readFile(cluster.caFile, 'base64')));
  const { server, tlsServerName, skipTLSVerify, proxyUrl, disableCompression, execExtension } = cluster;
  return {
    server,
    ...(tlsServerName ? { 'tls-server-name': tlsServerName } : {}),
    ...(skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
    ...(ca ? { 'certificate-authority-data': ca } : {}),
    ...(proxyUrl ? { 'proxy-url': proxyUrl } : {}),
    ...(disableCompression ? { 'disable-compression': true } : {}),
    config: execExtension ?? null,
  };
}

const basic = ({ username, password }: KubeUser): Record<string, string> =>
  username || password
    ? { Authorization: `Basic ${Buffer.from(`${username ?? ''}:${password ?? ''}`).toString('base64')}` }
    : {};

/** As for kubectl, a file counts before a token in the kubeconfig, unless it cannot be read (client-go's transport/token_source.go). */
async function bearer({ token, tokenFile }: KubeUser): Promise<Record<string, string>> {
  const inFile = tokenFile === undefined ? undefined : await readToken(tokenFile).catch(orElse(token));
  const given = inFile ?? token;
  return given ? { Authorization: `Bearer ${given}` } : {};
}

async function readToken(file: string): Promise<string> {
  const token = (await readFile(file, 'utf8')).trim();
  if (token === '') throw new Error(`tokenFile ${file} is empty`);
  return token;
}

const orElse =
  (token: string | undefined) =>
  (error: unknown): undefined => {
    if (token === undefined) throw error;
  };

/** client-go's transport/round_trippers.go, impersonatingRoundTripper. */
function impersonation(as: Impersonation | undefined): Record<string, string | readonly string[]> {
  if (!as) return {};
  return {
    'Impersonate-User': as.user,
    ...(as.uid === undefined ? {} : { 'Impersonate-Uid': as.uid }),
    ...(as.groups.length === 0 ? {} : { 'Impersonate-Group': as.groups }),
    ...Object.fromEntries(
      Object.entries(as.extra).map(([key, values]) => [`Impersonate-Extra-${escaped(key)}`, values]),
    ),
  };
}

/** Percent-encodes what cannot stand in a header's name. */
const escaped = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** Makes the redactor know the values. */
function hide(...values: readonly (string | undefined)[]): void {
  for (const value of values) if (value) new Secret(value.trim());
}

/** As for kubectl, data counts before a file. */
async function pem(file: string | undefined, data: string | undefined): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  return file ? readFile(file) : undefined;
}

const defined = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
