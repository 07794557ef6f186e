import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { connectionFailure } from '../net/errors.ts';
import type { Net } from '../net/index.ts';
import { request } from '../net/request.ts';
import type { Secret } from '../../core/secret.ts';
import { basicHeader } from './credentials.ts';

export interface RegistryLogin {
  readonly username: string;
  readonly password: Secret;
}

/** Milliseconds. */
const requestTimeoutMs = 10_000;

/**
 * Whether a registry takes this login, asked as Docker does at `https://HOST/v2/`. ECR answers 401 for a wrong token,
 * 403 for an expired one, and 400 for a password that is no token at all.
 * @param host with port if it has one, without scheme
 * @throws BootstrapError `registry-failed` or `tls-untrusted` when the registry did not give an answer
 */
export async function isLoginAccepted(net: Net, host: string, login: RegistryLogin): Promise<boolean> {
  const url = `https://${host}/v2/`;
  const status = await ask(net, url, login);
  if (status === 200) return true;
  if (isLoginRefusal(status)) return false;
  throw failed(url, `it answered ${status}`);
}

/** The statuses by which ECR refuses a login, when the request is otherwise known to be valid. */
export const isLoginRefusal = (status: number): boolean => status === 400 || status === 401 || status === 403;

async function ask(net: Net, url: string, login: RegistryLogin): Promise<number> {
  try {
    const { statusCode, body } = await request(url, {
      dispatcher: await net.dispatcher(),
      headers: {
        authorization: basicHeader(login),
        'user-agent': 'ecr-bootstrap',
      },
      headersTimeout: net.timeoutMs(requestTimeoutMs),
      bodyTimeout: net.timeoutMs(requestTimeoutMs),
    });
    await body.dump();
    return statusCode;
  } catch (error) {
    throw (
      (await net.untrusted(error, url)) ?? failed(url, connectionFailure(error) ?? reasonOf(error), error)
    );
  }
}

const failed = (url: string, why: string, cause?: unknown): BootstrapError =>
  new BootstrapError(
    {
      code: 'registry-failed',
      what: `ask ${url} whether it takes the pull secret`,
      why,
      hint: 'Check that the registry can be reached from here, and HTTPS_PROXY and NO_PROXY.',
    },
    { cause },
  );
