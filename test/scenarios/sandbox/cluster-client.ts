import { type Dispatcher, ProxyAgent, request } from 'undici';
import type { Cluster } from '../../../sandbox/cluster/index.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { ClusterClient, KubeObject } from '../world.ts';

interface Resource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
}

type Method = 'GET' | 'PUT' | 'PATCH' | 'DELETE';

interface Content {
  readonly body?: unknown;
  readonly type?: string;
}

/** An operation that needs a {@link Capability} which the sandbox does not have. */
export const unsupported = (what: string) => (): never => {
  throw new Error(`the sandbox cannot ${what}; check it with \`can\` first`);
};

/** Milliseconds of sandbox time that one read takes, so that time passes while a scenario waits. */
const readMs = 1000;

/** Accesses the cluster through its API, with all permissions. */
export class SandboxClusterClient implements ClusterClient {
  readonly #sandbox: Sandbox;
  readonly #cluster: Cluster;
  readonly #server: string;
  readonly #token: string;
  readonly #dispatcher: ProxyAgent;
  /** API resources by plural and singular, as requested so far. A CRD that is created later is found on demand. */
  readonly #served = new Map<string, { base: string; plural: string; namespaced: boolean }>();

  /** @param server the URL of the cluster's API */
  constructor(sandbox: Sandbox, cluster: Cluster, server: string) {
    this.#sandbox = sandbox;
    this.#cluster = cluster;
    this.#server = server;
    const { users } = JSON.parse(cluster.kubeconfig(server)) as {
      users: [{ user: { token: string } }];
    };
    this.#token = users[0].user.token;
    this.#dispatcher = new ProxyAgent({ uri: sandbox.proxyUrl, requestTls: { ca: sandbox.caPem } });
  }

  async get<T extends KubeObject>(
    resource: string,
    name: string,
    namespace?: string,
  ): Promise<T | undefined> {
    await this.#settle();
    const path = await this.#path(resource, namespace, name);
    return path === undefined
      ? undefined
      : (this.#send('GET', path, { absent: true }) as Promise<T | undefined>);
  }

  async list<T extends KubeObject>(resource: string, namespace?: string): Promise<readonly T[]> {
    await this.#settle();
    const lists = resource.split(',').map(async (one) => {
      const path = await this.#path(one, namespace);
      if (path === undefined) return [];
      const { apiVersion, kind, items } = (await this.#send('GET', path)) as T & { items: T[] };
      // Only lists of several kinds, which kubectl builds, contain the kind of each item.
      return items.map((item) => ({ ...item, apiVersion, kind: kind.replace(/List$/, '') }));
    });
    return (await Promise.all(lists)).flat();
  }

  async apply(...objects: object[]): Promise<void> {
    for (const object of objects as KubeObject[]) {
      const path = await this.#path(object.kind, object.metadata.namespace, object.metadata.name);
      const type = 'application/apply-patch+yaml';
      await this.#send('PATCH', `${path}?fieldManager=another-manager&force=true`, { body: object, type });
    }
    await this.#cluster.settled();
  }

  async warnings(object: object): Promise<readonly string[]> {
    const { kind, metadata } = object as KubeObject;
    const path = await this.#path(kind, metadata.namespace, metadata.name);
    const query = 'fieldManager=another-manager&force=true&dryRun=All';
    const type = 'application/apply-patch+yaml';
    const { headers } = await this.#request('PATCH', `${path}?${query}`, { body: object, type });
    return [headers['warning'] ?? []].flat().map((text) => /^299 - "(.*)"$/.exec(text)?.[1] ?? text);
  }

  readonly applyKustomization = unsupported('run kubectl');

  async replace(object: object): Promise<void> {
    const { kind, metadata } = object as KubeObject;
    await this.#send('PUT', await this.#path(kind, metadata.namespace, metadata.name), { body: object });
    await this.#cluster.settled();
  }

  async patch(
    resource: string,
    name: string,
    namespace: string | undefined,
    body: readonly object[],
  ): Promise<void> {
    const type = 'application/json-patch+json';
    await this.#send('PATCH', await this.#path(resource, namespace, name), { body, type });
    await this.#cluster.settled();
  }

  async remove(resource: string, name: string, namespace?: string): Promise<void> {
    const path = await this.#path(resource, namespace, name);
    if (path !== undefined) await this.#send('DELETE', path, { absent: true });
    await this.#cluster.settled();
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }

  async #settle(): Promise<void> {
    this.#sandbox.clock.advance(readMs);
    await this.#cluster.settled();
  }

  /**
   * The path of a resource, given as kubectl accepts it: plural, singular or kind. Undefined when it is not
   * served.
   */
  async #path(resource: string, namespace?: string, name?: string): Promise<string | undefined> {
    const wanted = resource.toLowerCase();
    if (!this.#served.has(wanted)) await this.#discover();
    const found = this.#served.get(wanted);
    if (!found) return undefined;
    const within = found.namespaced && namespace !== undefined ? `/namespaces/${namespace}` : '';
    return `${found.base}${within}/${found.plural}${name === undefined ? '' : `/${name}`}`;
  }

  async #discover(): Promise<void> {
    const { groups } = (await this.#send('GET', '/apis')) as {
      groups: readonly { preferredVersion: { groupVersion: string } }[];
    };
    const bases = groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`);
    for (const base of ['/api/v1', ...bases]) {
      const { resources } = (await this.#send('GET', base)) as { resources: readonly Resource[] };
      for (const { name: plural, singularName, namespaced } of resources) {
        const served = { base, plural, namespaced };
        for (const word of [plural, singularName])
          if (!this.#served.has(word)) this.#served.set(word, served);
      }
    }
  }

  async #send(
    method: Method,
    path: string | undefined,
    { absent = false, ...content }: Content & { absent?: boolean } = {},
  ): Promise<unknown> {
    const { statusCode, text } = await this.#request(method, path, content);
    if (absent && statusCode === 404) return undefined;
    if (statusCode >= 400) throw new Error(`${method} ${String(path)}: HTTP ${statusCode} ${text}`);
    return JSON.parse(text);
  }

  async #request(
    method: Method,
    path: string | undefined,
    { body, type = 'application/json' }: Content,
  ): Promise<Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'> & { readonly text: string }> {
    if (path === undefined) throw new Error('the cluster serves no such resource');
    const { statusCode, headers, ...answer } = await request(`${this.#server}${path}`, {
      dispatcher: this.#dispatcher,
      method,
      headers: { authorization: `Bearer ${this.#token}`, 'content-type': type },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { statusCode, headers, text: await answer.body.text() };
  }
}
