import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HostSet } from '../../../../src/clients/registry/destinations.ts';
import { Secret } from '../../../../src/core/secret.ts';
import { makeImage } from '../../../support/images.ts';
import { type Misbehavior, OciServer } from '../../../support/oci-server.ts';
import { EngineWorld } from '../../../support/registry-engine.ts';

const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
const other = makeImage({ os: 'linux', architecture: 'amd64' }, ['other content']);
const login = { username: 'me', password: new Secret(randomBytes(12).toString('hex')) };
const basic = `Basic ${Buffer.from(`me:${login.password.reveal()}`).toString('base64')}`;

let world: EngineWorld;
/** The registry of a hostile tenant. */
let evil: OciServer;
/** Another service on this computer; every request to it is a leak. */
let bystander: Server;
let reached: string[];
beforeEach(async () => {
  world = await EngineWorld.start();
  evil = await OciServer.start();
  world.source.put('good', '1', [image]);
  evil.put('bad', '1', [other]);
  reached = [];
  bystander = createServer((request, response) => {
    reached.push(`${request.method} ${request.url}`);
    response.end('{"token":"x"}');
  });
  await new Promise<void>((listening) => bystander.listen(0, '127.0.0.1', listening));
  // The hostile registry is reachable only because it is listed. The hosts that it redirects to are not listed.
  world.listed = new HostSet([world.source.host, evil.host]);
  // The user has a login for the good registry only.
  world.credentials = {
    find: (host) => Promise.resolve(host === world.source.host ? login : undefined),
  };
});
afterEach(async () => {
  bystander.closeAllConnections();
  bystander.close();
  await world.close();
  await evil.close();
});

const local = () => `localhost:${(bystander.address() as AddressInfo).port}`;

/** Copies the hostile image and a good one, which must arrive. Returns the error of the hostile one. */
async function failsAlone(host = evil.host) {
  const bad = { ...world.wanted('bad'), source: `${host}/bad:1` };
  const results = await world.engine().copy([bad, world.wanted('good')], world.options());
  expect(results.map(({ state }) => state)).toEqual(['failed', 'copied']);
  expect(reached).toEqual([]);
  return results[0]?.error;
}

const challenge = (realm: string): Misbehavior => ({
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` },
});

describe('a hostile redirect', () => {
  const kinds = ['GET manifests', 'GET blobs'];
  const redirect = (kind: string, location: string, status = 307) => {
    evil.misbehavior = (request) => (request.kind === kind ? { status, headers: { location } } : undefined);
  };

  it.each(kinds)('that never ends fails after a few hops of %s', async (kind) => {
    let hops = 0;
    evil.misbehavior = (request) => {
      if (request.kind !== kind && !request.path.pathname.startsWith('/hop')) return undefined;
      hops += 1;
      return { status: 307, headers: { location: `/hop/${hops}` } };
    };
    expect((await failsAlone())?.why).toContain('redirects more than');
    expect(hops).toBeLessThan(30);
  });

  it.each([
    ['a file', 'file:///etc/passwd', 'registry-failed'],
    ['a script', 'javascript:alert(1)', 'registry-failed'],
    ['plain HTTP elsewhere', 'http://cdn.example.com/x', 'registry-failed'],
    ['cloud metadata', 'http://169.254.169.254/latest/meta-data/', 'address-not-allowed'],
    ['cloud metadata in IPv6', 'http://[::ffff:169.254.169.254]/', 'address-not-allowed'],
    ['AWS metadata in IPv6', 'https://[fd00:ec2::254]/', 'address-not-allowed'],
    ['cloud metadata as one number', 'https://2852039166/', 'address-not-allowed'],
  ])('to %s fails only its image', async (_, location, code) => {
    redirect('GET manifests', location);
    expect((await failsAlone())?.code).toBe(code);
  });

  it('of a blob to cloud metadata fails only its image', async () => {
    redirect('GET blobs', 'http://169.254.169.254/latest/meta-data/');
    expect((await failsAlone())?.code).toBe('address-not-allowed');
  });

  it('to a service of this computer fails only its image', async () => {
    redirect('GET manifests', `http://${local()}/admin`);
    expect(await failsAlone()).toMatchObject({
      code: 'address-not-allowed',
      why: expect.stringContaining(`${evil.host} redirects to ${local()}`) as string,
    });
  });

  it('that reaches a service of this computer by several hops fails only its image', async () => {
    evil.misbehavior = ({ kind, path }) => {
      if (kind === 'GET manifests') return { status: 302, headers: { location: '/hop' } };
      if (path.pathname === '/hop') return { status: 302, headers: { location: `http://${local()}/` } };
      return undefined;
    };
    expect((await failsAlone())?.code).toBe('address-not-allowed');
  });

  it('does not send the login for one registry to another', async () => {
    const guarded = await OciServer.start();
    guarded.put('app', '1', [other]);
    world.listed?.add(guarded.host);
    world.credentials = { find: (host) => Promise.resolve(host === guarded.host ? login : undefined) };
    guarded.misbehavior = ({ headers, kind, reference }) => {
      if (headers.authorization !== basic)
        return { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
      const location = `http://${evil.host}/v2/bad/blobs/${reference}`;
      return kind === 'GET blobs' ? { status: 307, headers: { location } } : undefined;
    };
    const wanted = { ...world.wanted('app'), source: `${guarded.host}/app:1` };
    const [result] = await world.engine().copy([wanted], world.options());
    expect(result?.state).toBe('copied');
    expect(evil.requests.length).toBeGreaterThan(0);
    expect(evil.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
    await guarded.close();
  });
});

describe('a hostile token service', () => {
  it.each([
    ['a file', 'file:///etc/passwd', 'registry-failed'],
    ['plain HTTP elsewhere', 'http://tokens.example.com/', 'registry-failed'],
    ['no URL', 'tokens', 'registry-failed'],
    ['cloud metadata', 'http://169.254.169.254/latest/meta-data/', 'address-not-allowed'],
    ['a login in front of cloud metadata', 'https://docker.io@169.254.169.254/', 'address-not-allowed'],
  ])('at %s fails only its image', async (_, realm, code) => {
    evil.misbehavior = () => challenge(realm);
    expect((await failsAlone())?.code).toBe(code);
  });

  it('at a service of this computer fails only its image', async () => {
    evil.misbehavior = () => challenge(`http://${local()}/token`);
    expect((await failsAlone())?.code).toBe('address-not-allowed');
  });

  it.each([302, 307])(
    'that redirects with %i to a service of this computer fails only its image',
    async (status) => {
      evil.misbehavior = ({ path }) =>
        path.pathname === '/token'
          ? { status, headers: { location: `http://${local()}/` } }
          : challenge(`http://${evil.host}/token`);
      expect((await failsAlone())?.code).toBe('address-not-allowed');
    },
  );

  it('at a registry that the user is logged in to does not receive that login', async () => {
    evil.misbehavior = () => challenge(`http://${world.source.host}/token`);
    await failsAlone();
    const asked = world.source.requests.filter(({ path }) => path.pathname === '/token');
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('that requires a login itself receives none', async () => {
    evil.misbehavior = ({ path }) =>
      path.pathname === '/token'
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } }
        : challenge(`http://${evil.host}/token`);
    expect((await failsAlone())?.code).toBe('registry-denied');
    expect(evil.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('does not receive the login in its own URL', async () => {
    evil.misbehavior = ({ path, headers }) => {
      if (path.pathname === '/token') return { status: 200, body: '{"token":"t"}' };
      return headers.authorization === 'Bearer t' ? undefined : challenge(`http://u:p@${evil.host}/token`);
    };
    const bad = { ...world.wanted('bad'), source: `${evil.host}/bad:1` };
    const [result] = await world.engine().copy([bad], world.options());
    expect(result?.state).toBe('copied');
    const [asked] = evil.requests.filter(({ path }) => path.pathname === '/token');
    expect(asked?.headers.authorization).toBeUndefined();
  });

  it.each([
    ['with line breaks', 'a\r\nx-injected: 1'],
    ['with control characters', 'a\u0000b'],
    ['with a space', 'a b'],
    ['that is not ASCII', 'tökén'],
    ['of 900,000 characters', 'x'.repeat(900_000)],
    ['of two million characters', 'x'.repeat(2_000_000)],
    ['that is empty', ''],
  ])('that issues a token %s fails only its image', async (_, token) => {
    evil.misbehavior = ({ path }) =>
      path.pathname === '/token'
        ? { status: 200, body: JSON.stringify({ token }) }
        : challenge(`http://${evil.host}/token`);
    expect((await failsAlone())?.code).toBe('registry-failed');
    expect(evil.requests.every(({ headers }) => headers['x-injected'] === undefined)).toBe(true);
    expect(evil.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });
});

describe('hostile headers', () => {
  it.each([
    ['a header of a megabyte', `x-large: ${'x'.repeat(1 << 20)}\r\n`],
    ['an invalid header', 'no header at all\r\n'],
    ['a bare line feed in a redirect', 'location: /a\nx-injected: 1\u0000\r\n'],
    ['two lengths', 'content-length: 1\r\ncontent-length: 2\r\n'],
  ])('%s fails only its image', async (_, headers) => {
    const raw = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end(`HTTP/1.1 307 Temporary Redirect\r\n${headers}\r\n`));
    });
    await new Promise<void>((listening) => raw.listen(0, '127.0.0.1', listening));
    const host = `127.0.0.1:${(raw.address() as AddressInfo).port}`;
    world.listed?.add(host);
    expect((await failsAlone(host))?.code).toMatch(/^registry-/);
    raw.close();
  });
});
