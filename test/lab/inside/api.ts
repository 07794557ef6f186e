import { request } from 'node:https';

/** A minimal Kubernetes client for what the lab needs before its first user. */
export class KubernetesApi {
  readonly #server: string;
  readonly #ca: Buffer;
  readonly #token: string;

  constructor(server: string, ca: Buffer, token: string) {
    this.#server = server;
    this.#ca = ca;
    this.#token = token;
  }

  /** Returns the body of a 200 response, or undefined for 404. @throws Error for any other response */
  async get(path: string): Promise<unknown> {
    return this.#send('GET', path);
  }

  /** Creates an object. @param path of its resource */
  async create(path: string, object: object): Promise<void> {
    const created = await this.#send('POST', path, JSON.stringify(object));
    if (created === undefined) throw new Error(`POST ${path}: 404`);
  }

  async isReady(): Promise<boolean> {
    return (await this.get('/readyz')) === 'ok';
  }

  async nodeIsReady(node: string): Promise<boolean> {
    const found = (await this.get(`/api/v1/nodes/${node}`)) as
      { status: { conditions?: { type: string; status: string }[] } } | undefined;
    return (
      found?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
    );
  }

  /** The cluster IP of a service. */
  async serviceAddress(namespace: string, name: string): Promise<string | undefined> {
    const found = (await this.get(`/api/v1/namespaces/${namespace}/services/${name}`)) as
      { spec: { clusterIP: string } } | undefined;
    return found?.spec.clusterIP;
  }

  async #send(method: 'GET' | 'POST', path: string, content?: string): Promise<unknown> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      accept: 'application/json',
      'content-type': 'application/json',
    };
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.#server}${path}`,
        { method, ca: this.#ca, headers, timeout: 5_000 },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('error', reject).on('end', () => {
            if (response.statusCode === 404) resolve(undefined);
            else if (response.statusCode !== 200 && response.statusCode !== 201)
              reject(new Error(`${method} ${path}: ${response.statusCode} ${body}`));
            else resolve(body.startsWith('{') ? JSON.parse(body) : body);
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer`)));
      sent.on('error', reject).end(content);
    });
  }
}
