import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { connectionFailure } from '../net/errors.ts';
import type { Net } from '../net/index.ts';
import { basicHeader } from '../registry/credentials.ts';
import { isLoginRefusal } from '../registry/token-check.ts';
import type { TokenCheck, RegistryToken } from './port.ts';

/** A tag that need not exist: a registry that lets the token in answers "not found". */
const probeTag = 'ecr-bootstrap-proof';
/** Milliseconds. */
const requestTimeoutMs = 30_000;

/** Asks the registry itself whether it takes a token; see {@link EcrPort.admits}. */
export async function isTokenAccepted(
  net: Net,
  { host, username, password }: RegistryToken,
  repository: string,
): Promise<TokenCheck> {
  const url = `https://${host}/v2/${repository}/manifests/${probeTag}`;
  const { status, text } = await get(net, url, basicHeader({ username, password }));
  if (status < 400 || status === 404) return { accepted: true };
  const why = `HTTP ${status}${registryReason(text)}`;
  if (isLoginRefusal(status)) return { accepted: false, why };
  throw new BootstrapError({
    code: 'aws-failed',
    what: `try a token at ${host}`,
    why,
    hint: 'Run the same command again in a while: it goes on.',
  });
}

async function get(net: Net, url: string, authorization: string): Promise<{ status: number; text: string }> {
  try {
    const dispatcher = await net.dispatcher();
    const { origin, pathname } = new URL(url);
    const answer = await dispatcher.request({
      origin,
      path: pathname,
      method: 'GET',
      headers: { authorization, accept: '*/*' },
      headersTimeout: net.timeoutMs(requestTimeoutMs),
      bodyTimeout: net.timeoutMs(requestTimeoutMs),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  } catch (error) {
    if (error instanceof BootstrapError) throw error;
    throw (
      (await net.untrusted(error, url)) ??
      new BootstrapError(
        {
          code: 'aws-unreachable',
          what: `reach the registry ${new URL(url).host}`,
          why: connectionFailure(error) ?? reasonOf(error),
          hint: 'Check the network and DNS; behind a proxy set HTTPS_PROXY and NO_PROXY.',
        },
        { cause: error },
      )
    );
  }
}

/** The first error of the distribution specification's error document, if the body is one. */
function registryReason(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    const { code = '', message = '' } = errors?.[0] ?? {};
    return code || message ? ` ${code}: ${message}` : '';
  } catch {
    return '';
  }
}
