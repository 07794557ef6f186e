import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, request } from 'undici';

interface Kubeconfig {
  readonly clusters: readonly [{ readonly cluster: Readonly<Record<string, string>> }];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

export interface Requests {
  /** One for each page. */
  readonly lists: number;
  readonly writes: number;
  /** CPU time of the API server. */
  readonly serverCpuSeconds: number;
}

/** The API server of the lab's cluster, without limits on the rate of requests. */
export class Api {
  readonly #server: string;
  readonly #token: string;
  readonly #dispatcher: Agent;

  private constructor(server: string, token: string, ca: Buffer) {
    this.#server = server;
    this.#token = token;
    this.#dispatcher = new Agent({ connect: { ca }, connections: 16 });
  }

  /** @param kubeconfig a file of the lab */
  static async open(kubeconfig: string): Promise<Api> {
    const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
    const { server = '', 'certificate-authority': ca = '' } = clusters[0].cluster;
    return new Api(server, users[0].user.token, await readFile(ca));
  }

  close(): Promise<void> {
    return this.#dispatcher.close();
  }

  async get<T>(path: string): Promise<T | undefined> {
    const text = await this.#send('GET', path);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  /** Creates an object, unless it exists. */
  async create(path: string, object: object): Promise<void> {
    await this.#send('POST', path, object);
  }

  /** Merges fields into an object, if it exists. */
  async patch(path: string, fields: object): Promise<void> {
    await this.#send('PATCH', path, fields);
  }

  async delete(path: string): Promise<void> {
    await this.#send('DELETE', path);
  }

  /** The requests since the start of the API server, whoever sent them. */
  async requests(): Promise<Requests> {
    const metrics = await this.#metrics();
    const [cpu] = samplesOf('process_cpu_seconds_total', metrics);
    const requests = { lists: 0, writes: 0, serverCpuSeconds: cpu?.value ?? NaN };
    for (const { labels, value } of samplesOf('apiserver_request_total', metrics)) {
      // Programs show by leases that they run.
      if (labels.includes('resource="leases"')) continue;
      if (labels.includes('verb="LIST"')) requests.lists += value;
      if (/verb="(POST|PUT|PATCH|APPLY|DELETE)"/.test(labels)) requests.writes += value;
    }
    return requests;
  }

  /** How often the API server has warned by an admission policy, and how often within a millisecond. */
  async evaluations(policy: string): Promise<{ readonly all: number; readonly quick: number }> {
    const metrics = await this.#metrics();
    const sum = (suffix: string, label: string): number =>
      samplesOf(`apiserver_validating_admission_policy_check_duration_seconds_${suffix}`, metrics)
        .filter(({ labels }) => labels.includes(`policy="${policy}"`) && labels.includes(label))
        .reduce((total, { value }) => total + value, 0);
    return { all: sum('count', ''), quick: sum('bucket', 'le="0.001"') };
  }

  async #metrics(): Promise<string> {
    return (await this.#send('GET', '/metrics')) ?? '';
  }

  /** @returns the body, or undefined if the object does not exist, or exists already */
  async #send(method: Dispatcher.HttpMethod, path: string, content?: object): Promise<string | undefined> {
    const { statusCode, body } = await request(`${this.#server}${path}`, {
      method,
      dispatcher: this.#dispatcher,
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      ...(content ? { body: JSON.stringify(content) } : {}),
    });
    const text = await body.text();
    if (statusCode === 404 || statusCode === 409) return undefined;
    if (statusCode >= 300) throw new Error(`${method} ${path}: ${statusCode} ${text}`);
    return text;
  }
}

/** The samples of one metric in the text format of Prometheus. */
const samplesOf = (name: string, metrics: string): { readonly labels: string; readonly value: number }[] =>
  [...metrics.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm'))].map(
    ([, labels = '', value]) => ({ labels, value: Number(value) }),
  );
