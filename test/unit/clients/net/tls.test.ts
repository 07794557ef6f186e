import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';
import { request } from '../../../../src/clients/net/request.ts';
import { CertificateAuthority } from '../../../../sandbox/certificates.ts';

describe('a request over TLS', () => {
  const authority = new CertificateAuthority();
  const shown = { key: authority.serverKeyPem, cert: authority.issue('localhost') };
  let server: ReturnType<typeof createServer>;
  beforeEach(async () => {
    server = createServer(shown, (_, response) => response.end('secretly'));
    server.on('tlsClientError', () => undefined);
    server.listen(0, 'localhost');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function textBy(net: Net): Promise<string> {
    try {
      const url = new URL(`https://localhost:${(server.address() as AddressInfo).port}/`);
      return await (await request(net, url)).text();
    } finally {
      await net.close();
    }
  }

  it('trusts a given authority', async () => {
    expect(await textBy(createNet(authority.caPem))).toBe('secretly');
  });

  it('trusts an intermediate authority without its root, as Go does', async () => {
    expect(await textBy(createNet(shown.cert))).toBe('secretly');
  });

  it('reports the issuer of an untrusted certificate', async () => {
    const code = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    await expect(textBy(createNet(undefined, {}))).rejects.toMatchObject({ code });
  });
});
