import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { credentialsOf } from '../../../../src/clients/kubernetes/credentials.ts';

it('sends the token in tokenFile, even if the user also has a token', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'from-the-file\n');
  const cluster = { name: 'c', server: 'https://c:6443', skipTLSVerify: false };
  const user = { name: 'u', token: 'from-the-kubeconfig', tokenFile };
  const bounds = { timeoutMs: 1000, signal: new AbortController().signal };
  expect(await credentialsOf({ name: 'x', cluster, user }, bounds)).toEqual({
    headers: { Authorization: 'Bearer from-the-file' },
  });
  rmSync(folder, { recursive: true });
});

it('sends the ID token of an oidc auth provider while it has not expired', async () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const idToken = `${part({ alg: 'none' })}.${part({ exp: Date.now() / 1000 + 3600 })}.signature`;
  const cluster = { name: 'c', server: 'https://c:6443', skipTLSVerify: false };
  const config = {
    'id-token': idToken,
    'refresh-token': 'r',
    'client-id': 'i',
    'idp-issuer-url': 'https://idp',
  };
  const user = { name: 'u', authProvider: { name: 'oidc', config } };
  const bounds = { timeoutMs: 1000, signal: new AbortController().signal };
  expect(await credentialsOf({ name: 'x', cluster, user }, bounds)).toEqual({
    headers: { Authorization: `Bearer ${idToken}` },
  });
});
