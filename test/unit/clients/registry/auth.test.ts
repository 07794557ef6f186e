import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { HelperError } from '../../../../src/clients/registry/credentials.ts';
import { Secret } from '../../../../src/core/secret.ts';
import { makeImage } from '../../../support/images.ts';
import { type Misbehavior, OciServer } from '../../../support/oci-server.ts';
import { EngineWorld } from '../../../support/registry-engine.ts';

const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);
const login = () => ({ username: 'me', password: new Secret(randomBytes(12).toString('hex')) });
const basic = ({ username, password }: ReturnType<typeof login>) =>
  `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.start();
  for (const name of ['a', 'b', 'c']) world.source.put(name, '1', [image]);
});
afterEach(() => world.close());

const guard = (
  server: OciServer,
  challenge: string,
  isRight: (authorization: string | undefined) => boolean,
) => {
  server.misbehavior = ({ headers }) =>
    isRight(headers.authorization) ? undefined : { status: 401, headers: { 'www-authenticate': challenge } };
};
const refused = (server: OciServer) =>
  server.requests.filter(({ headers }) => headers.authorization === undefined);

describe('Basic', () => {
  test('costs only one rejected request for all later requests', async () => {
    const me = login();
    world.credentials = { find: () => Promise.resolve(me) };
    guard(world.source, 'Basic realm="r"', (authorization) => authorization === basic(me));
    const results = await world.copy(['a', 'b', 'c']);
    expect(results.map(({ state }) => state)).toEqual(['copied', 'copied', 'copied']);
    expect(refused(world.source)).toHaveLength(1);
  });

  test.each([
    ['without a login', undefined],
    ['with a wrong login', login()],
  ])('%s is rejected with a hint', async (_, credential) => {
    world.credentials = { find: () => Promise.resolve(credential) };
    guard(world.source, 'Basic realm="r"', () => false);
    const [result] = await world.copy(['a']);
    expect(result?.error).toMatchObject({
      code: 'registry-denied',
      hint: expect.stringContaining('docker login') as string,
    });
  });

  it.each([{ isIdentityToken: true }, { isRegistryToken: true }])('never sends a token: %j', async (kind) => {
    world.credentials = { find: () => Promise.resolve({ ...login(), ...kind }) };
    guard(world.source, 'Basic realm="r"', () => false);
    const [result] = await world.copy(['a']);
    expect(result?.error).toMatchObject({ code: 'registry-denied' });
    expect(world.source.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  test('is sent with the first request to the target, and with a new token when the old one expires during the run', async () => {
    const [old, renewed] = [login(), login()];
    let isOver = false;
    world.identity = {
      preemptive: true,
      hint: 'ask',
      credential: (bad) => Promise.resolve(bad || isOver ? renewed : old),
    };
    let uploads = 0;
    world.target.misbehavior = ({ kind, headers }) => {
      if (kind === 'PUT uploads' && (uploads += 1) === 1) isOver = true;
      const right = basic(isOver ? renewed : old);
      return headers.authorization === right
        ? undefined
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="ecr"' } };
    };
    const [result] = await world.copy(['a']);
    expect(result?.error).toBeUndefined();
    expect(refused(world.target)).toHaveLength(0);
  });
});

describe('a rejection without a reason, as for a HEAD,', () => {
  const isHead = ({ kind }: { kind: string }) => kind.startsWith('HEAD');
  const renewing = () => {
    const tokens = [login()];
    const credential = (bad: unknown) => {
      if (bad && bad === tokens.at(-1)) tokens.push(login());
      return Promise.resolve(tokens.at(-1));
    };
    world.identity = { preemptive: true, hint: 'ask', credential };
    return tokens;
  };

  test('means that an old token has expired, so it is renewed once', async () => {
    const tokens = renewing();
    const engine = world.engine();
    const copy = (name: string) => engine.copy([world.wanted(name)], world.options());
    await copy('a');
    await world.clock.sleep(61_000);
    const over = tokens.map(basic);
    world.target.misbehavior = (request) =>
      isHead(request) && over.includes(request.headers.authorization ?? '') ? { status: 403 } : undefined;
    const [result] = await copy('b');
    expect(result?.error).toBeUndefined();
    expect(tokens).toHaveLength(2);
  });

  test('is a denial when the token is young, and costs no new token', async () => {
    const tokens = renewing();
    world.target.misbehavior = (request) => (isHead(request) ? { status: 403 } : undefined);
    const [result] = await world.copy(['a']);
    expect(result?.error).toMatchObject({ code: 'registry-denied', hint: 'ask' });
    expect(tokens).toHaveLength(1);
  });

  test('costs one new token for all requests when all of them are denied', async () => {
    const tokens = renewing();
    const engine = world.engine();
    const copy = (...names: string[]) =>
      engine.copy(
        names.map((name) => world.wanted(name)),
        world.options(),
      );
    await copy('a');
    await world.clock.sleep(61_000);
    world.target.misbehavior = (request) => (isHead(request) ? { status: 403 } : undefined);
    const results = await copy('b', 'c');
    expect(results.map(({ error }) => error?.code)).toEqual(['registry-denied', 'registry-denied']);
    expect(tokens).toHaveLength(2);
  });
});

describe('Bearer', () => {
  const asked: { url: URL; headers: IncomingMessage['headers'] }[] = [];
  const issued = new Set<string>();
  let life = 300;
  let fields: (token: string) => object;
  let corrupt: (answer: string) => string;
  /** The status of the redirect of the first request. */
  let redirect: { status: number; location: string } | undefined;
  /** Delays the response to each request. */
  let hold: () => Promise<void>;
  const service = createServer((request, response) => {
    asked.push({ url: new URL(request.url ?? '/', 'http://token'), headers: request.headers });
    if (redirect && asked.length === 1) {
      response.writeHead(redirect.status, { location: redirect.location }).end();
      return;
    }
    const token = randomBytes(12).toString('hex');
    issued.add(`Bearer ${token}`);
    void hold().then(() => response.end(corrupt(JSON.stringify({ ...fields(token), expires_in: life }))));
  });
  beforeEach(async () => {
    asked.splice(0);
    issued.clear();
    life = 300;
    fields = (token) => ({ token });
    corrupt = (answer) => answer;
    redirect = undefined;
    hold = () => Promise.resolve();
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port } = service.address() as AddressInfo;
    const challenge = `Bearer realm="http://127.0.0.1:${port}/token",service="s",scope="repository:x:pull"`;
    guard(world.source, challenge, (authorization) => issued.has(authorization ?? ''));
  });
  afterEach(async () => {
    service.closeAllConnections();
    service.close();
    await once(service, 'close');
  });

  test('fetches one token for each repository, anonymously without a login', async () => {
    await world.copy(['a', 'b']);
    expect(asked.map(({ url }) => url.searchParams.get('scope')).sort()).toEqual([
      'repository:a:pull',
      'repository:b:pull',
    ]);
    expect(
      asked.every(({ headers, url }) => !headers.authorization && url.searchParams.get('service') === 's'),
    ).toBe(true);
  });

  it.each([301, 302, 303, 307, 308])(
    'follows a token service that redirects with %i within its host, with the login',
    async (status) => {
      const me = login();
      world.credentials = { find: () => Promise.resolve(me) };
      redirect = { status, location: '/moved?scope=kept' };
      const [result] = await world.copy(['a']);
      expect(result?.state).toBe('copied');
      expect(asked.map(({ url }) => url.pathname)).toEqual(['/token', '/moved']);
      expect(asked.map(({ headers }) => headers.authorization)).toEqual([basic(me), basic(me)]);
    },
  );

  it('follows a token service that redirects to another host, without the login', async () => {
    world.credentials = { find: () => Promise.resolve(login()) };
    const elsewhere = await OciServer.start();
    elsewhere.misbehavior = () => {
      issued.add('Bearer from-elsewhere');
      return { status: 200, body: '{"token":"from-elsewhere"}' };
    };
    redirect = { status: 307, location: `http://${elsewhere.host}/token` };
    const [result] = await world.copy(['a']);
    expect(result?.state).toBe('copied');
    expect(elsewhere.requests.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    await elsewhere.close();
  });

  test('sends the login only to the token service', async () => {
    const me = login();
    world.credentials = { find: () => Promise.resolve(me) };
    await world.copy(['a']);
    expect(asked.map(({ headers }) => headers.authorization)).toEqual([basic(me)]);
    expect(world.source.requests.some(({ headers }) => headers.authorization === basic(me))).toBe(false);
  });

  it('uses the field of token and access_token that is not empty', async () => {
    fields = (token) => ({ token: '', access_token: token });
    expect((await world.copy(['a']))[0]?.state).toBe('copied');
    fields = (token) => ({ token, access_token: '' });
    expect((await world.copy(['b']))[0]?.state).toBe('copied');
  });

  it('reports the server, not the login, when the token response is not JSON', async () => {
    corrupt = () => '<html>Sign in to the network</html>';
    const [result] = await world.copy(['a']);
    expect(result?.error).toMatchObject({
      code: 'registry-failed',
      why: expect.stringMatching(/^127\.0\.0\.1:\d+: it is not valid JSON$/) as string,
      hint: expect.stringContaining('a login page may have answered') as string,
    });
  });

  it('sends no login when the credential helper fails, and reports that only after a rejection', async () => {
    const failure = {
      code: 'registry-denied',
      what: 'could not ask',
      why: 'it is locked',
      hint: 'Unlock it.',
    } as const;
    world.credentials = { find: () => Promise.reject(new HelperError(failure)) };
    expect((await world.copy(['a']))[0]?.state).toBe('copied');
    expect(asked[0]?.headers.authorization).toBeUndefined();
    issued.clear();
    hold = () => Promise.resolve(issued.clear());
    const [denied] = await world.copy(['b']);
    expect(denied?.error).toMatchObject({
      code: 'registry-denied',
      hint: expect.stringContaining('because could not ask: it is locked. Unlock it.') as string,
    });
  });

  it('sends a registry token to the registry, and uses no token service', async () => {
    const given = login();
    const header = `Bearer ${given.password.reveal()}`;
    issued.add(header);
    world.credentials = { find: () => Promise.resolve({ ...given, isRegistryToken: true }) };
    const [result] = await world.copy(['a']);
    expect(result?.state).toBe('copied');
    expect(asked).toEqual([]);
    expect(refused(world.source)).toHaveLength(1);
    issued.clear();
    const [denied] = await world.copy(['b']);
    expect(denied?.error).toMatchObject({ code: 'registry-denied' });
  });

  test('replaces a token that is rejected before it expires', async () => {
    let forgotten = false;
    const usual = world.source.misbehavior;
    world.source.misbehavior = (request, times) => {
      if (request.kind === 'GET blobs' && !forgotten) {
        forgotten = true;
        issued.clear();
      }
      return usual(request, times);
    };
    const [result] = await world.copy(['a']);
    expect(result?.error).toBeUndefined();
    expect(asked).toHaveLength(2);
  });

  it('copies the other blobs when the read-ahead whose token request they wait for is canceled', async () => {
    const layers = [randomBytes(20_000), randomBytes(20_000)];
    const half = makeImage({ os: 'linux', architecture: 'amd64' }, layers);
    world.source.put('half', '1', [half]);
    const wanted = world.wanted('half');
    const { blobs } = world.target.repository(wanted.repository);
    const [present, absent] = half.layers;
    if (present) blobs.set(present.digest, present.bytes);
    // The next token takes longer than the response from ECR that it has the first layer.
    const prepare = () => {
      world.clock.advance(life * 1000);
      hold = () => setTimeout(100);
      return Promise.resolve(new Map());
    };
    const options = world.options({ platforms: ['linux/amd64'], prepare });
    const [result] = await world.engine().copy([wanted], options);
    expect(result?.error?.message ?? result?.state).toBe('copied');
    expect(blobs.has(String(absent?.digest))).toBe(true);
    expect(asked).toHaveLength(2);
  });

  test('sends no login to a token service without TLS', async () => {
    guard(world.source, 'Bearer realm="http://tokens.example.com/"', () => false);
    const [result] = await world.copy(['a']);
    expect(result?.error?.why).toContain('does not use TLS');
  });
});

describe('one host whose repositories require different authentication', () => {
  /** Token services, by the only repository that each one serves. */
  const services = new Map<string, OciServer>();
  const tokenOf = (name: string) => `token-of-${name}`;
  beforeEach(async () => {
    for (const name of ['a', 'b']) {
      const service = await OciServer.start();
      service.misbehavior = ({ path }) =>
        path.searchParams.get('scope') === `repository:${name}:pull`
          ? { status: 200, body: JSON.stringify({ token: tokenOf(name) }) }
          : { status: 403, body: '{"details":"unknown repository"}' };
      services.set(name, service);
    }
  });
  afterEach(async () => {
    for (const service of services.values()) await service.close();
    services.clear();
  });

  /** `a` and `b` require tokens of their own services, and `c` is open. */
  const serve = (refusal: Misbehavior | undefined) => {
    world.source.misbehavior = ({ repository, headers: { authorization } }) => {
      const service = services.get(repository);
      if (!service) return authorization === undefined ? undefined : refusal;
      if (authorization === `Bearer ${tokenOf(repository)}`) return undefined;
      const challenge = `Bearer realm="http://${service.host}/token",service="s"`;
      return { status: 401, headers: { 'www-authenticate': challenge } };
    };
  };

  const orders = ['a b c', 'a c b', 'b a c', 'b c a', 'c a b', 'c b a'].map((order) => order.split(' '));
  it.each(orders)('copies %s, %s and %s in this order', async (...names) => {
    serve(undefined);
    const results = await world.copy(names);
    expect(results.map(({ state }) => state)).toEqual(['copied', 'copied', 'copied']);
  });

  it.each([400, 401, 403, 404])(
    'copies an open repository that responds with %i to the token of another repository',
    async (status) => {
      serve({ status });
      for (const service of services.values())
        service.misbehavior = ({ path }) => {
          const [, name = ''] = (path.searchParams.get('scope') ?? '').split(':');
          return { status: 200, body: JSON.stringify({ token: tokenOf(name) }) };
        };
      const engine = world.engine();
      const states: string[] = [];
      for (const name of ['a', 'c', 'b']) {
        const [result] = await engine.copy([world.wanted(name)], world.options());
        states.push(result?.state ?? '');
      }
      expect(states).toEqual(['copied', 'copied', 'copied']);
    },
  );

  it('fails only the repository whose token service rejects the request', async () => {
    serve(undefined);
    const service = services.get('a');
    if (service) service.misbehavior = () => ({ status: 401 });
    const results = await world.copy(['a', 'b', 'c']);
    expect(results.map(({ state }) => state)).toEqual(['failed', 'copied', 'copied']);
    expect(results[0]?.error?.code).toBe('registry-denied');
  });

  it('requires only one rejected request when all repositories require the same login', async () => {
    const me = login();
    world.credentials = { find: () => Promise.resolve(me) };
    guard(world.source, 'Basic realm="r"', (authorization) => authorization === basic(me));
    const engine = world.engine();
    for (const name of ['a', 'b', 'c']) await engine.copy([world.wanted(name)], world.options());
    expect(refused(world.source)).toHaveLength(1);
  });
});

describe('a redirect to another host', () => {
  /** The source requires this login, and redirects requests for blobs to the store. */
  function sendBlobsOn(me: ReturnType<typeof login>, store: OciServer): void {
    world.credentials = { find: (host) => Promise.resolve(host === world.source.host ? me : undefined) };
    guard(world.source, 'Basic realm="r"', (authorization) => authorization === basic(me));
    const guarded = world.source.misbehavior;
    world.source.misbehavior = (request, times) =>
      guarded(request, times) ??
      (request.kind === 'GET blobs'
        ? { status: 307, headers: { location: `http://${store.host}/v2/a/blobs/${request.reference}` } }
        : undefined);
  }

  test('carries no Authorization header', async () => {
    const me = login();
    const store = await OciServer.start();
    store.put('a', '1', [image]);
    sendBlobsOn(me, store);
    const [result] = await world.copy(['a']);
    expect(result?.state).toBe('copied');
    expect(store.requests.length).toBe(2);
    expect(store.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await store.close();
  });

  it('does not send the login of the first host, nor change what the first host receives', async () => {
    const me = login();
    const store = await OciServer.start();
    sendBlobsOn(me, store);
    const challenge = `Bearer realm="http://${store.host}/token",service="s"`;
    store.misbehavior = ({ kind }) =>
      kind === 'GET blobs'
        ? { status: 401, headers: { 'www-authenticate': challenge } }
        : { status: 200, body: '{"token":"theirs"}' };
    const [result] = await world.copy(['a']);
    expect(result?.error).toMatchObject({
      code: 'registry-denied',
      why: expect.stringContaining(`redirects to ${store.host}, which answers`) as string,
      hint: expect.not.stringContaining('docker login') as string,
    });
    const received = new Set(store.requests.map(({ headers }) => headers.authorization));
    expect(received).toEqual(new Set([undefined, 'Bearer theirs']));
    expect(world.source.requests.some(({ headers }) => headers.authorization?.startsWith('Bearer'))).toBe(
      false,
    );
    await store.close();
  });

  test('shows that the registry requires no login, whatever the other host responds', async () => {
    const store = await OciServer.start();
    store.misbehavior = () => ({ status: 401 });
    const location = `http://${store.host}/elsewhere`;
    world.source.misbehavior = () => ({ status: 307, headers: { location } });
    await world.copy(['a']);
    expect(world.history).toContain(`anonymous ${world.source.host}`);
    await store.close();
  });
});
