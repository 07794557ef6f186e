import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A service that issues bearer tokens for a separate registry. */
export interface Authority {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** Issues a token that the registry accepts. @param life seconds */
  issue(scopes: readonly string[], life: number): string;
  stop(): Promise<void>;
}

const service = 'registry of the contract';
const issuer = 'authority of the contract';
/** Seconds. */
const usualLife = 300;

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * Starts an authority as the distribution project describes it ("Token Authentication Implementation"): JSON Web
 * Tokens signed with a key whose certificate the registry trusts.
 * @param folder contains that `cert.pem` and `key.pem`
 * @param login the `authorization` header that is accepted for tokens
 */
export async function startAuthority(folder: string, login: string): Promise<Authority> {
  const [cert, pem] = await Promise.all([
    readFile(join(folder, 'cert.pem')),
    readFile(join(folder, 'key.pem')),
  ]);
  const key = createPrivateKey(pem);
  const header = { typ: 'JWT', alg: 'ES256', x5c: [new X509Certificate(cert).raw.toString('base64')] };
  const issue = (scopes: readonly string[], life: number): string => {
    const now = Math.floor(Date.now() / 1000);
    const access = scopes.map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    const times = { iat: now - 120, nbf: now - 120, exp: now + life };
    const claims = { iss: issuer, sub: 'contract', aud: service, jti: randomUUID(), ...times, access };
    const signed = `${base64url(header)}.${base64url(claims)}`;
    const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
    return `${signed}.${signature.toString('base64url')}`;
  };

  const server = createServer({ key: pem, cert }, ({ url = '/', headers }, response) => {
    response.setHeader('content-type', 'application/json');
    if (headers.authorization !== login) {
      response.writeHead(401).end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED' }] }));
      return;
    }
    const scopes = new URL(url, 'https://authority').searchParams.getAll('scope');
    response.end(JSON.stringify({ token: issue(scopes, usualLife), expires_in: usualLife }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    realm: `https://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service,
    issuer,
    issue,
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
