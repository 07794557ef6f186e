import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { User } from '@kubernetes/client-node/dist/config_types.js';
import { BootstrapError, reasonOf } from '../errors/index.ts';
import { Secret } from '../secret.ts';
import type { PluginBounds, PluginSettings } from './exec-plugin.ts';
import type { KubeContext, KubeUser } from './kubeconfig.ts';

/** What a request shows to the API server: headers, or a client certificate for the connection. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly cert?: Buffer | string;
  readonly key?: Buffer | string;
}

/**
 * Runs the exec plugin or refreshes the OIDC token where the user has one; the rest is in the kubeconfig.
 * @throws BootstrapError `cluster-unreachable` when that fails
 */
export async function credentialsOf({ name, user }: KubeContext, bounds: PluginBounds): Promise<Credentials> {
  if (!user) return { headers: {} };
  try {
    const cert = await pem(user.certFile, user.certData);
    const key = await pem(user.keyFile, user.keyData);
    const given = await authenticate(user, bounds);
    const headers = { ...basic(user), ...(await bearer(user)), ...impersonation(user), ...given.headers };
    hide(
      headers['Authorization']?.replace(/^\w+ /, ''),
      user.password,
      key?.toString(),
      given.key?.toString(),
    );
    return { headers, ...defined('cert', given.cert ?? cert), ...defined('key', given.key ?? key) };
  } catch (error) {
    throw new BootstrapError(
      {
        code: 'cluster-unreachable',
        what: `get the credentials of context ${name}`,
        why: reasonOf(error),
        hint: `Check with: kubectl --context ${name} get namespaces`,
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

async function authenticate(user: User, bounds: PluginBounds): Promise<Given> {
  const options: { headers: Record<string, string>; cert?: string; key?: string } = { headers: {} };
  if (user.exec) {
    const { runPlugin } = await import('./exec-plugin.ts');
    return runPlugin(user.exec as PluginSettings, bounds);
  }
  if (user.authProvider) {
    const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
    const oidc = new OpenIDConnectAuth();
    if (!oidc.isAuthProvider(user)) {
      const { name } = user.authProvider as { name?: string };
      throw new Error(`auth-provider ${name ?? ''} is not supported, exec plugins are`);
    }
    await oidc.applyAuthentication(user, options);
  }
  return options;
}

const basic = ({ username, password }: User): Record<string, string> =>
  username
    ? { Authorization: `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}` }
    : {};

/** As for kubectl, a file counts before a token in the kubeconfig. */
async function bearer({ token, tokenFile }: KubeUser): Promise<Record<string, string>> {
  const given = tokenFile === undefined ? token : await readFile(tokenFile, 'utf8');
  return given ? { Authorization: `Bearer ${given.trim()}` } : {};
}

const impersonation = ({ impersonateUser }: User): Record<string, string> =>
  impersonateUser ? { 'Impersonate-User': impersonateUser } : {};

/** Makes the redactor know the values. */
function hide(...values: readonly (string | undefined)[]): void {
  for (const value of values) if (value) new Secret(value.trim());
}

async function pem(file: string | undefined, data: string | undefined): Promise<Buffer | undefined> {
  if (file) return readFile(file);
  return data ? Buffer.from(data, 'base64') : undefined;
}

const defined = <K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, V>);
