import { expect, it } from 'vitest';
import { listAll } from '../../../../src/clients/kubernetes/lists.ts';
import type { KubeObject, ListOptions } from '../../../../src/clients/kubernetes/port.ts';
import type { ApiResponse, ApiTransport } from '../../../../src/clients/kubernetes/transport.ts';

const pods = { base: '/api/v1', plural: 'pods', namespaced: true };

/** Serves a list of two pages. The continue token expires the given number of times. */
class ForgetfulServer {
  readonly paths: string[] = [];
  #forgets: number;

  constructor(forgets: number) {
    this.#forgets = forgets;
  }

  send = ({ path }: { readonly path: string }): Promise<ApiResponse> => {
    this.paths.push(path);
    if (!path.includes('continue=')) return page('first', { continue: 'second' });
    if (this.#forgets === 0) return page('second', {});
    this.#forgets -= 1;
    return Promise.resolve({ status: 410, body: JSON.stringify({ reason: 'Expired', message: 'too old' }) });
  };

  list = () => listAll(this as unknown as ApiTransport, pods, { apiVersion: 'v1', kind: 'Pod' }, {});
}

const page = (name: string, metadata: object): Promise<ApiResponse> =>
  Promise.resolve({ status: 200, body: JSON.stringify({ items: [{ metadata: { name } }], metadata }) });

it('restarts a list when the continue token has expired', async () => {
  const server = new ForgetfulServer(2);
  const names = (await server.list()).map(({ metadata }) => metadata.name);
  expect(names).toEqual(['first', 'second']);
  expect(server.paths).toHaveLength(6);
});

it('fails when the continue token has expired three times', async () => {
  const server = new ForgetfulServer(3);
  await expect(server.list()).rejects.toMatchObject({ why: expect.stringContaining('too old') as string });
  expect(server.paths).toHaveLength(6);
});

/** Serves a list of any length in pages of the requested size. */
class PagingServer {
  requests = 0;
  readonly #count: number;
  readonly #isBuiltIn: boolean;

  /** @param isBuiltIn whether the metadata of a page precede its items, as in lists of built-in kinds */
  constructor(count: number, isBuiltIn = true) {
    this.#count = count;
    this.#isBuiltIn = isBuiltIn;
  }

  send = ({ path }: { readonly path: string }): Promise<ApiResponse> => {
    this.requests += 1;
    const query = new URL(path, 'https://cluster').searchParams;
    const from = Number(query.get('continue') ?? 0);
    const to = Math.min(from + Number(query.get('limit')), this.#count);
    const items = Array.from({ length: to - from }, (_, index) => ({
      metadata: { name: `pod-${from + index}` },
    }));
    const metadata = to < this.#count ? { continue: String(to) } : {};
    const list = this.#isBuiltIn ? { metadata, items } : { items, metadata };
    return Promise.resolve({ status: 200, body: JSON.stringify(list) });
  };

  list = (options: ListOptions = {}) =>
    listAll(this as unknown as ApiTransport, pods, { apiVersion: 'v1', kind: 'Pod' }, options);
}

it.each([
  { count: 0, requests: 1 },
  { count: 500, requests: 1 },
  { count: 501, requests: 2 },
  { count: 10_000, requests: 20 },
])('reads $count objects with $requests requests', async ({ count, requests }) => {
  for (const isBuiltIn of [true, false]) {
    const server = new PagingServer(count, isBuiltIn);
    const names = (await server.list()).map(({ metadata }) => metadata.name);
    expect(names).toEqual(Array.from({ length: count }, (_, index) => `pod-${index}`));
    expect(server.requests).toBe(requests);
  }
});

it('requests the next page of a built-in kind before it reads the objects of a page', async () => {
  const server = new PagingServer(1200);
  const requestsAt: number[] = [];
  const reduce = (object: KubeObject) => {
    requestsAt.push(server.requests);
    return object;
  };
  await server.list({ reduce });
  expect([requestsAt[0], requestsAt[500], requestsAt[1000]]).toEqual([2, 3, 3]);
});

it('does not mistake a field of an object for a continue token', async () => {
  const item = { metadata: { continue: 'other', name: 'one' } };
  let requests = 0;
  const send = () => {
    requests += 1;
    return Promise.resolve({ status: 200, body: JSON.stringify({ items: [item], metadata: {} }) });
  };
  const kind = { apiVersion: 'example.com/v1', kind: 'Widget' };
  expect(await listAll({ send } as unknown as ApiTransport, pods, kind, {})).toHaveLength(1);
  expect(requests).toBe(1);
});

it('reports the error of a page that was requested early', async () => {
  const send = ({ path }: { readonly path: string }) =>
    path.includes('continue=')
      ? Promise.reject(new Error('the connection was reset'))
      : Promise.resolve({ status: 200, body: '{"metadata":{"continue":"2"},"items":[]}' });
  const kind = { apiVersion: 'v1', kind: 'Pod' };
  const list = listAll({ send } as unknown as ApiTransport, pods, kind, {});
  await expect(list).rejects.toThrow('the connection was reset');
});
