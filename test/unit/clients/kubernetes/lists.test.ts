import { expect, it } from 'vitest';
import { listAll } from '../../../../src/clients/kubernetes/lists.ts';
import type { KubeObject, ListOptions } from '../../../../src/clients/kubernetes/port.ts';
import { message, objectMeta, protobufType } from '../../../../src/clients/kubernetes/protobuf.ts';
import type { ApiResponse, ApiTransport } from '../../../../src/clients/kubernetes/transport.ts';
import { encoded, nested, string } from './encode.ts';

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
  readonly #hasProtobuf: boolean;

  constructor(count: number, hasProtobuf: boolean) {
    this.#count = count;
    this.#hasProtobuf = hasProtobuf;
  }

  send = ({ path, accept }: { readonly path: string; readonly accept?: string }): Promise<ApiResponse> => {
    this.requests += 1;
    const query = new URL(path, 'https://cluster').searchParams;
    const from = Number(query.get('continue') ?? 0);
    const to = Math.min(from + Number(query.get('limit')), this.#count);
    const names = Array.from({ length: to - from }, (_, index) => `pod-${from + index}`);
    const token = to < this.#count ? String(to) : '';
    if (this.#hasProtobuf && accept?.startsWith(protobufType))
      return Promise.resolve({ status: 200, body: '', protobuf: encodedList(names, token) });
    const items = names.map((name) => ({ metadata: { name } }));
    const metadata = token === '' ? {} : { continue: token };
    return Promise.resolve({ status: 200, body: JSON.stringify({ metadata, items }) });
  };

  list = (options: ListOptions = {}) =>
    listAll(this as unknown as ApiTransport, pods, { apiVersion: 'v1', kind: 'Pod' }, options);
}

const metadataFields = { 1: message('metadata', objectMeta) };

const encodedList = (names: readonly string[], token: string): Buffer =>
  encoded(nested(1, string(3, token)), ...names.map((name) => nested(2, nested(1, string(1, name)))));

it.each([
  { count: 0, requests: 1 },
  { count: 500, requests: 1 },
  { count: 501, requests: 2 },
  { count: 10_000, requests: 20 },
])('reads $count objects with $requests requests', async ({ count, requests }) => {
  for (const fields of [undefined, metadataFields]) {
    const server = new PagingServer(count, true);
    const names = (await server.list(fields && { fields })).map(({ metadata }) => metadata.name);
    expect(names).toEqual(Array.from({ length: count }, (_, index) => `pod-${index}`));
    expect(server.requests).toBe(requests);
  }
});

it('requests the next page of a list in protobuf before it reads the objects of a page', async () => {
  const server = new PagingServer(1200, true);
  const requestsAt: number[] = [];
  const wireType = 2;
  const read = () => void requestsAt.push(server.requests);
  await server.list({ fields: { 1: { wireType, read } } });
  expect([requestsAt[0], requestsAt[500], requestsAt[1000]]).toEqual([2, 3, 3]);
});

it('reads the same objects from protobuf as from JSON', async () => {
  const options = { fields: metadataFields };
  const [inProtobuf, inJson] = [new PagingServer(2, true), new PagingServer(2, false)];
  expect(await inProtobuf.list(options)).toEqual(await inJson.list(options));
});

it('reads the metadata of objects in protobuf too', async () => {
  const [first] = await new PagingServer(1, true).list({ metadataOnly: true });
  expect(first).toEqual({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod-0' } });
});

it('reduces only the objects of a server that has no protobuf', async () => {
  const reduce = ({ apiVersion, kind }: KubeObject): KubeObject => ({
    apiVersion,
    kind,
    metadata: { name: 'less' },
  });
  const options = { fields: metadataFields, reduce };
  const [fromJson] = await new PagingServer(1, false).list(options);
  const [fromProtobuf] = await new PagingServer(1, true).list(options);
  expect([fromJson?.metadata.name, fromProtobuf?.metadata.name]).toEqual(['less', 'pod-0']);
});

it.each([
  { status: 200, body: '{"items":[{' },
  { status: 200, body: '', protobuf: Buffer.from('k8s') },
])('reports a damaged page', async (answer) => {
  const send = () => Promise.resolve(answer);
  const list = listAll({ send } as unknown as ApiTransport, pods, { apiVersion: 'v1', kind: 'Pod' }, {});
  await expect(list).rejects.toMatchObject({
    code: 'cluster-failed',
    why: expect.stringContaining('damaged') as string,
  });
});

it('reports the error of a page that was requested early', async () => {
  const send = ({ path }: { readonly path: string }) =>
    path.includes('continue=')
      ? Promise.reject(new Error('the connection was reset'))
      : Promise.resolve({ status: 200, body: '', protobuf: encodedList(['one'], '2') });
  const kind = { apiVersion: 'v1', kind: 'Pod' };
  const list = listAll({ send } as unknown as ApiTransport, pods, kind, { fields: {} });
  await expect(list).rejects.toThrow('the connection was reset');
});
