import { expect, it } from 'vitest';
import { listAll } from '../../../../src/clients/kubernetes/lists.ts';
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

  constructor(count: number) {
    this.#count = count;
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
    return Promise.resolve({ status: 200, body: JSON.stringify({ items, metadata }) });
  };

  list = () => listAll(this as unknown as ApiTransport, pods, { apiVersion: 'v1', kind: 'Pod' }, {});
}

it.each([
  { count: 0, requests: 1 },
  { count: 500, requests: 1 },
  { count: 501, requests: 2 },
  { count: 10_000, requests: 20 },
])('reads $count objects with $requests requests', async ({ count, requests }) => {
  const server = new PagingServer(count);
  expect(await server.list()).toHaveLength(count);
  expect(server.requests).toBe(requests);
});
