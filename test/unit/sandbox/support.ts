import { request as httpRequest } from 'node:http';
import { Agent, type RequestOptions } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { connect } from 'node:tls';
import { ECRClient } from '@aws-sdk/client-ecr';
import { IAMClient } from '@aws-sdk/client-iam';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { STSClient } from '@aws-sdk/client-sts';
import { ProxyAgent, request, type Dispatcher } from 'undici';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { KeyPair } from '../../../sandbox/ports.ts';

/** Connects to hosts through the proxy of the sandbox, and trusts only its certificate authority. */
class TunnelAgent extends Agent {
  readonly #sandbox: Sandbox;

  constructor(sandbox: Sandbox) {
    super({ keepAlive: true });
    this.#sandbox = sandbox;
  }

  override createConnection(
    { host, port }: RequestOptions,
    done: (error: Error | null, socket: Duplex) => void,
  ): null {
    const path = `${host}:${port}`;
    const tunnel = httpRequest(this.#sandbox.proxyUrl, { method: 'CONNECT', path });
    tunnel.on('connect', (_, socket) =>
      done(null, connect({ socket, servername: host ?? '', ca: this.#sandbox.caPem })),
    );
    tunnel.on('error', (error) => done(error, tunnel.socket as Duplex));
    tunnel.end();
    return null;
  }
}

/** Clients of the real SDK, which reach the sandbox through its proxy under the real host names. */
export function clients(sandbox: Sandbox, credentials: KeyPair & { sessionToken?: string } = sandbox.admin) {
  const config = {
    region: sandbox.region,
    credentials,
    maxAttempts: 1,
    requestHandler: { httpsAgent: new TunnelAgent(sandbox) },
  };
  return {
    ecr: new ECRClient(config),
    iam: new IAMClient(config),
    secrets: new SecretsManagerClient(config),
    sts: new STSClient(config),
  };
}

/** For undici's `fetch` and `request`. */
export function dispatcher(sandbox: Sandbox): ProxyAgent {
  return new ProxyAgent({ uri: sandbox.proxyUrl, requestTls: { ca: sandbox.caPem } });
}

export interface Reply {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly bytes: Buffer;
  /** The parsed body, if it is JSON. */
  readonly json: unknown;
}

/** Sends one request to a host of the sandbox, without following redirects. */
export async function send(
  through: ProxyAgent,
  method: Dispatcher.HttpMethod,
  url: string,
  headers: Record<string, string> = {},
  body?: Buffer | string | Readable,
): Promise<Reply> {
  const reply = await request(url, { dispatcher: through, method, headers, body: body ?? null });
  const bytes = Buffer.from(await reply.body.arrayBuffer());
  const isJson = bytes.length > 0 && String(reply.headers['content-type']).includes('json');
  const json: unknown = isJson ? JSON.parse(bytes.toString()) : undefined;
  return { status: reply.statusCode, headers: reply.headers, bytes, json };
}
