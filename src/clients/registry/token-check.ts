import { BootstrapError } from '../../core/errors.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import type { Secret } from '../../core/secret.ts';
import { NetworkError } from '../net/errors.ts';
import { type Net, unreachableError } from '../net/index.ts';
import { request } from '../net/request.ts';
import { basicHeader } from './credentials.ts';
import { readRefusal } from './errors.ts';

export interface RegistryLogin {
  readonly username: string;
  readonly password: Secret;
}

export type LoginCheck = { readonly accepted: true } | { readonly accepted: false; readonly why: string };

export interface LoginCheckOptions {
  /** The host, with its port if any, without a scheme. */
  readonly host: string;
  readonly login: RegistryLogin;
  /**
   * Requests a manifest of this repository; "not found" also means accepted. Without it, requests `/v2/`, as
   * Docker does.
   */
  readonly repository?: string | undefined;
  /** Error codes to use. */
  readonly codes: { readonly unreachable: ErrorCode; readonly failed: ErrorCode };
}

/** A tag that need not exist. */
const probeTag = 'ecr-bootstrap-proof';
const requestTimeoutMs = 30_000;
const maxRefusalBytes = 1 << 16;

/**
 * Verifies by use whether a registry accepts a login. ECR responds with 401 for a wrong token, 403 for an expired
 * token, and 400 for a password that is not a token.
 * @throws BootstrapError with one of `codes`, or `tls-untrusted`, when the registry gives no definite answer
 */
export async function checkLogin(
  net: Net,
  { host, login, repository, codes }: LoginCheckOptions,
): Promise<LoginCheck> {
  const path = repository === undefined ? '/v2/' : `/v2/${repository}/manifests/${probeTag}`;
  const what = `could not check the login at ${host}`;
  const { status, text } = await get(net, `https://${host}${path}`, login).catch(async (error: unknown) => {
    if (!(error instanceof NetworkError)) throw error;
    const hint = 'Check the network and DNS; behind a proxy set HTTPS_PROXY and NO_PROXY.';
    throw await unreachableError(net, error, { code: codes.unreachable, what, hint });
  });
  if (repository === undefined ? status === 200 : status < 400 || status === 404) return { accepted: true };
  const { message } = readRefusal(status, text);
  const why = message.includes(`HTTP ${status}`) ? message : `HTTP ${status} ${message}`;
  if ([400, 401, 403].includes(status)) return { accepted: false, why };
  const hint = 'Run the same command again in a few minutes; it resumes where it stopped.';
  throw new BootstrapError({ code: codes.failed, what, why, hint });
}

/** {@link checkLogin} for the login of a pull secret. */
export const isLoginAccepted = async (
  net: Net,
  check: Omit<LoginCheckOptions, 'codes'>,
): Promise<boolean> => {
  const codes = { unreachable: 'registry-failed', failed: 'registry-failed' } as const;
  return (await checkLogin(net, { ...check, codes })).accepted;
};

async function get(net: Net, url: string, login: RegistryLogin): Promise<{ status: number; text: string }> {
  const answer = await request(net, url, {
    headers: { authorization: basicHeader(login), accept: '*/*', 'user-agent': 'ecr-bootstrap' },
    headersTimeoutMs: requestTimeoutMs,
  });
  return { status: answer.status, text: (await answer.text()).slice(0, maxRefusalBytes) };
}
