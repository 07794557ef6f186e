import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { redact } from '../../core/secret.ts';
import {
  type Impersonation,
  type KubeCluster,
  type KubeContext,
  type KubeUser,
  unconfigured,
} from './kubeconfig.ts';
import type { PluginBounds } from './exec-plugin.ts';

/** How a request authenticates: headers, or a client certificate for the connection. */
export interface ClientCredentials {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

/** client-go sends credentials to HTTPS servers only (tools/clientcmd/client_config.go, IsConfigTransportTLS). */
export const hasLogin = ({ server }: KubeCluster): boolean => /^https:/i.test(server);

/**
 * Runs the user's exec plugin or refreshes the user's OIDC token; other credentials are in the kubeconfig. A
 * server without TLS receives no credentials.
 * @throws BootstrapError `cluster-unreachable` when the plugin or the refresh fails
 */
export async function credentialsOf(
  { name, cluster, user }: KubeContext,
  bounds: PluginBounds,
): Promise<ClientCredentials> {
  if (!user) return { headers: {} };
  if (!hasLogin(cluster)) return { headers: encoded(impersonation(user.impersonate), name) };
  try {
    const cert = await pem('client-certificate', user.certFile, user.certData);
    const key = cert && (await pem('client-key', user.keyFile, user.keyData));
    const own = { ...basic(user), ...(await bearer(user)) };
    // Like kubectl, runs no plugin when there are other credentials (plugin/pkg/client/auth/exec,
    // UpdateTransportConfig).
    const isComplete = own['Authorization'] !== undefined || cert !== undefined;
    const given = user.exec && isComplete ? { headers: {} } : await authenticate(user, cluster, bounds);
    const login = { ...own, ...given.headers };
    const headers = encoded({ ...login, ...impersonation(user.impersonate) }, name);
    redactAll(
      login['Authorization']?.replace(/^\w+ /, ''),
      user.password,
      key?.toString(),
      given.key?.toString(),
    );
    return { headers, ...defined('cert', given.cert ?? cert), ...defined('key', given.key ?? key) };
  } catch (error) {
    if (error instanceof BootstrapError) throw error;
    const { command, installHint } = user.exec ?? {};
    const check = `Check with: kubectl --context ${name} get namespaces`;
    throw new BootstrapError(
      {
        code: 'cluster-unreachable',
        what: `could not get the credentials of context ${name}`,
        why: (command && startFailure(command, error)) ?? reasonOf(error),
        hint: installHint ? `${installHint.trim().replace(/\s*\n\s*/g, ' ')} ${check}` : check,
      },
      { cause: error },
    );
  }
}

function startFailure(command: string, error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (!syscall?.startsWith('spawn')) return undefined;
  if (code === 'ENOENT') return `${command} is not installed`;
  return code === 'EACCES' ? `${command} is not an executable file` : undefined;
}

/**
 * Reads a file that the kubeconfig references.
 * @throws BootstrapError `cluster-unconfigured` when it cannot be read
 */
export async function readNamedFile(key: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw unusable(`could not read ${key} ${file}`, error, 'Correct the path in the kubeconfig.');
  }
}

function unusable(what: string, error: unknown, hint: string): BootstrapError {
  const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = isMissing ? 'there is no such file' : reasonOf(error);
  return unconfigured(what, why, { hint, cause: error });
}

/** The expiry of a rejected client certificate. Undefined when it has not expired. */
export function certificateExpiry({ cert }: ClientCredentials): string | undefined {
  if (!cert) return undefined;
  const { validTo } = new X509Certificate(cert);
  return Date.parse(validTo) < Date.now() ? `the client certificate expired on ${validTo}` : undefined;
}

interface LoginSource {
  readonly headers: Readonly<Record<string, string>>;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

async function authenticate(
  user: KubeUser,
  cluster: KubeCluster,
  bounds: PluginBounds,
): Promise<LoginSource> {
  if (user.exec) {
    const { runPlugin } = await import('./exec-plugin.ts');
    return runPlugin(
      user.exec,
      bounds,
      user.exec.provideClusterInfo ? await clusterInfo(cluster) : undefined,
    );
  }
  if (!user.authProvider) return { headers: {} };
  const { name: provider = '' } = user.authProvider as { readonly name?: string };
  if (provider !== 'oidc') throw new Error(`auth-provider ${provider} is not supported, exec plugins are`);
  return (await import('./oidc.ts')).authenticateByOidc(user, cluster);
}

/** The cluster in the form that an exec plugin receives: client-go's rest/exec.go, ConfigToExecCluster. */
async function clusterInfo(cluster: KubeCluster): Promise<object> {
  const ca =
    cluster.caData ??
    (cluster.caFile && (await readNamedFile('certificate-authority', cluster.caFile)).toString('base64'));
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

/** Like kubectl, prefers a readable token file to the kubeconfig's token (client-go's transport/token_source.go). */
async function bearer({ token, tokenFile }: KubeUser): Promise<Record<string, string>> {
  const inFile = tokenFile === undefined ? undefined : await readToken(tokenFile).catch(orElse(token));
  const given = inFile ?? token;
  return given ? { Authorization: `Bearer ${given}` } : {};
}

async function readToken(file: string): Promise<string> {
  const token = (await readNamedFile('tokenFile', file)).toString().trim();
  if (token !== '') return token;
  throw unusable(`could not read tokenFile ${file}`, new Error('it is empty'), 'Write a token into it.');
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

/** Percent-encodes the characters that are not valid in a header's name. */
const escaped = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

/** Encodes header values in UTF-8, as kubectl does. Node would write each character as one byte. */
function encoded(headers: ClientCredentials['headers'], context: string): ClientCredentials['headers'] {
  const encode = (name: string, value: string): string => {
    if (!/[\0-\x08\x0a-\x1f\x7f]/.test(value)) return Buffer.from(value).toString('latin1');
    throw unconfigured(
      `could not use the login of context ${context}`,
      `its ${name} header would contain a line break or another control character`,
      { hint: `Correct the user in the kubeconfig. Check with: kubectl --context ${context} get namespaces` },
    );
  };
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? encode(name, value) : value.map((one) => encode(name, one)),
    ]),
  );
}

/** Adds the values to the redactor. */
function redactAll(...values: readonly (string | undefined)[]): void {
  for (const value of values) if (value) redact(value.trim());
}

/** Like kubectl, prefers inline data to a file. */
async function pem(
  key: string,
  file: string | undefined,
  data: string | undefined,
): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  return file ? readNamedFile(key, file) : undefined;
}

const defined = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
