import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';
import { request } from '../../../../src/clients/net/request.ts';
import { CertificateAuthority } from '../../../../sandbox/certificates.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(server: ReturnType<typeof createTcpServer>): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A server's URL, and how many connections it accepted. */
async function serve(listener: RequestListener): Promise<{ url: string; connections: () => number }> {
  const server: Server = createServer(listener);
  let connections = 0;
  server.on('connection', () => (connections += 1));
  return { url: `http://${await listen(server)}/`, connections: () => connections };
}

function open(env: Record<string, string> = {}, ca?: string): Net {
  const net = createNet(ca, env);
  closing.push(() => net.close());
  return net;
}

/** A proxy that opens every tunnel to `to`, and the CONNECT requests that it received. */
async function startProxy(to: string): Promise<{ url: string; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const proxy = createServer().on('connect', (asked, socket) => {
    seen.push(asked);
    const [host = '', port] = to.split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    const end = (): void => void (upstream.destroy(), socket.destroy());
    upstream.on('error', end);
    socket.on('error', end);
  });
  return { url: `http://${await listen(proxy)}`, seen };
}

describe('a request', () => {
  it('is sent with its length, and its connection is used again, whatever the method', async () => {
    const seen: string[] = [];
    const { url, connections } = await serve((asked, response) => {
      void buffer(asked).then((body) => {
        seen.push(`${asked.method} ${asked.headers['content-length']} ${body.toString()}`);
        response.end();
      });
    });
    const net = open();
    for (const [method, body] of [
      ['PUT', 'größe'],
      ['DELETE', Buffer.from('{}')],
      ['POST', null],
      ['GET', null],
    ] as const)
      await (await request(net, url, { method, body })).text();
    expect(seen).toEqual(['PUT 7 größe', 'DELETE 2 {}', 'POST 0 ', 'GET undefined ']);
    expect(connections()).toBe(1);
  });

  it('reads a compressed body as text', async () => {
    const body = gzipSync('größer');
    const { url } = await serve((_, res) => void res.setHeader('content-encoding', 'gzip').end(body));
    expect(await (await request(open(), url)).text()).toBe('größer');
  });

  it('fails when a compressed body is damaged', async () => {
    const body = gzipSync('text').subarray(0, -4);
    const { url } = await serve((_, res) => void res.setHeader('content-encoding', 'gzip').end(body));
    const response = await request(open(), url);
    await expect(response.text()).rejects.toMatchObject({ name: 'NetworkError', kind: 'other' });
  });

  it('fails when no headers arrive in time', async () => {
    const { url } = await serve(() => undefined);
    await expect(request(open(), url, { headersTimeoutMs: 50 })).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('fails when it takes too long in total', async () => {
    const { url } = await serve((_, response) => void response.writeHead(200).write('a part'));
    const answer = await request(open(), url, { totalTimeoutMs: 100 });
    await expect(answer.text()).rejects.toMatchObject({ kind: 'timeout' });
  });

  it('fails when the body stops before its end', async () => {
    const { url } = await serve((_, response) => void response.writeHead(200).write('a part'));
    const answer = await request(open(), url, { bodyTimeoutMs: 50 });
    await expect(answer.text()).rejects.toMatchObject({
      kind: 'timeout',
      message: 'the answer stopped before its end (ERR_BODY_TIMEOUT)',
    });
  });

  it('does not fail when the reader of the body pauses', async () => {
    const { url } = await serve((_, response) => response.end(Buffer.alloc(8_000_000)));
    const answer = await request(open(), url, { bodyTimeoutMs: 50 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await answer.text()).toHaveLength(8_000_000);
  });

  it('fails when the connection breaks in the middle of the body', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('a part');
      setTimeout(() => response.destroy(), 50);
    });
    const answer = await request(open(), url);
    await expect(answer.text()).rejects.toMatchObject({ kind: 'reset' });
  });

  it('fails when the headers of the response are too large', async () => {
    const { url } = await serve((_, response) => response.setHeader('x', 'x'.repeat(20_000)).end());
    await expect(request(open(), url)).rejects.toMatchObject({ kind: 'headers-too-large' });
  });

  it('stops reading its body when the server responds before the end', async () => {
    let isReleased = false;
    async function* endless() {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(100_000));
      } finally {
        isReleased = true;
      }
    }
    const { url } = await serve((_, response) => response.writeHead(401).end('no'));
    const net = open();
    const answer = await request(net, url, { method: 'PUT', body: endless() });
    expect([answer.status, await answer.text()]).toEqual([401, 'no']);
    await expect.poll(() => isReleased).toBe(true);
    expect((await request(net, url)).status).toBe(401);
  });

  it.each([1, 3])('fails when %i bytes follow where 2 are announced', async (length) => {
    const { url } = await serve((asked, response) => void buffer(asked).then(() => response.end()));
    async function* body() {
      yield await Promise.resolve(Buffer.alloc(length));
    }
    const headers = { 'content-length': '2' };
    await expect(request(open(), url, { method: 'PUT', headers, body: body() })).rejects.toThrow(
      'the body does not have the announced 2 bytes',
    );
  });

  it('fails with the error of its body', async () => {
    const { url } = await serve((asked, response) => void buffer(asked).then(() => response.end()));
    async function* body() {
      yield await Promise.resolve(Buffer.alloc(1));
      throw new Error('the source broke');
    }
    await expect(request(open(), url, { method: 'PUT', body: body() })).rejects.toThrow('the source broke');
  });

  it('reports interim responses, and fails with the error that the callback throws', async () => {
    const { url } = await serve((_, response) => {
      response.writeProcessing();
      setTimeout(() => response.end('done'), 50);
    });
    let seen = 0;
    const answer = await request(open(), url, { onInfo: () => (seen += 1) });
    expect([await answer.text(), seen]).toEqual(['done', 1]);
    const onInfo = () => {
      throw new Error('enough');
    };
    await expect(request(open(), url, { onInfo })).rejects.toThrow('enough');
  });

  it('opens no connection after the end of the run', async () => {
    const { url, connections } = await serve((_, response) => response.end());
    const net = open();
    await (await request(net, url)).text();
    await net.close();
    await expect(request(net, url)).rejects.toThrow('the connection was closed because the run ended');
    expect(connections()).toBe(1);
  });
});

describe('a request through a proxy', () => {
  const url = 'http://registry.test/';

  it('sends the login of the proxy only to the proxy', async () => {
    const headers: IncomingMessage['headers'][] = [];
    const server = await serve((asked, response) => {
      headers.push(asked.headers);
      response.end('reached');
    });
    const proxy = await startProxy(new URL(server.url).host);
    const net = open({ http_proxy: proxy.url.replace('http://', 'http://me:pass%20word@') });
    expect(await (await request(net, url)).text()).toBe('reached');
    expect(proxy.seen.map((asked) => [asked.url, asked.headers['proxy-authorization']])).toEqual([
      ['registry.test:80', `Basic ${btoa('me:pass word')}`],
    ]);
    expect(headers.map((each) => [each.host, each['proxy-authorization']])).toEqual([
      ['registry.test', undefined],
    ]);
  });

  it('reports the status of a proxy that refuses it', async () => {
    const refusing = createServer().on('connect', (_, socket) =>
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n'),
    );
    const net = open({ http_proxy: `http://${await listen(refusing)}` });
    await expect(request(net, url)).rejects.toMatchObject({
      kind: 'proxy-refused',
      message: 'the proxy returned HTTP 403',
    });
  });

  it.each(['http', 'socks5'])(
    'fails when the %s proxy closes the connection without a response',
    async (scheme) => {
      const closed = createTcpServer((socket) => socket.once('data', () => socket.destroy()));
      const net = open({ http_proxy: `${scheme}://${await listen(closed)}` });
      await expect(request(net, url)).rejects.toMatchObject({ name: 'NetworkError' });
    },
  );

  it.each(['http', 'socks5'])('reports that the %s proxy refuses connections', async (scheme) => {
    const net = open({ http_proxy: `${scheme}://127.0.0.1:1` });
    await expect(request(net, url)).rejects.toMatchObject({ kind: 'refused' });
  });

  it.each(['http', 'socks5'])(
    'ends at once when it is aborted while the %s proxy is silent',
    async (scheme) => {
      const net = open({ http_proxy: `${scheme}://${await listen(createTcpServer())}` });
      const reason = new Error('interrupted');
      const signal = AbortSignal.any([AbortSignal.timeout(10_000), abortedSoon(reason)]);
      await expect(request(net, url, { signal })).rejects.toBe(reason);
    },
  );

  it('resumes the TLS session of the server in its next connection', async () => {
    const authority = new CertificateAuthority();
    const shown = { key: authority.serverKeyPem, cert: authority.issue('registry.test') };
    const resumed: boolean[] = [];
    const server = createTlsServer(shown, (_, response) =>
      response.writeHead(200, { connection: 'close' }).end(),
    );
    server.on('secureConnection', (socket) => resumed.push(socket.isSessionReused()));
    const proxy = await startProxy(await listen(server));
    const net = open({ https_proxy: proxy.url }, authority.caPem);
    for (let count = 0; count < 2; count += 1) await (await request(net, 'https://registry.test/')).text();
    expect(resumed).toEqual([false, true]);
  });
});

function abortedSoon(reason: Error): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 50);
  return controller.signal;
}
