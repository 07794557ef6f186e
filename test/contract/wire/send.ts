import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { request as send } from 'undici';
import { readReply, type Reply } from './reply.ts';
import type { Identity, SigningKey, WireRequest } from './request.ts';
import type { Target } from './target.ts';

/** Sends one request unchanged, without retries or redirects. */
export async function sendTo(target: Target, request: WireRequest): Promise<Reply> {
  const endpoint = target.endpoints[request.service];
  if (!endpoint) throw new Error(`there is no ${request.service} here`);
  const { as = endpoint.owner } = request;
  const identity = as === 'stranger' ? endpoint.stranger : as;
  if (!identity) throw new Error(`there is no stranger at ${request.service}`);
  // A location may be absolute or relative.
  const url = new URL(request.path, endpoint.url);
  const headers = await authenticated(target, url, request, identity);
  const reply = await send(url, {
    dispatcher: target.dispatcher,
    method: request.method as 'GET',
    headers,
    body: request.body ?? null,
  });
  const plain = Object.entries(reply.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
  const named = Object.fromEntries(plain) as Record<string, string>;
  const read = readReply(reply.statusCode, named, await reply.body.text());
  target.sent?.(request, read);
  return read;
}

async function authenticated(
  { region }: Target,
  url: URL,
  { service, headers = {}, ...request }: WireRequest,
  identity: Identity,
): Promise<Record<string, string>> {
  if (identity === 'anonymous') return headers;
  if ('authorization' in identity) return { ...headers, authorization: identity.authorization };
  const { key } = identity;
  const signed = await signer(key, service, service === 'iam' ? 'us-east-1' : region).sign(
    {
      method: request.method,
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      headers: { ...headers, host: url.host },
      body: request.body,
    },
    { signingDate: new Date(Date.now() + (request.skew ?? 0)) },
  );
  return signed.headers;
}

const signer = (credentials: SigningKey, service: string, region: string): SignatureV4 =>
  new SignatureV4({ credentials, service, region, sha256: Sha256 });

/** Node's SHA-256 with the interface that the signer expects. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', Buffer.from(secret as Uint8Array));
  }

  update(data: string | Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}
