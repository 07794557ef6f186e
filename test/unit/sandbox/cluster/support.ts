import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCluster } from '../../../../sandbox/cluster/index.ts';
import type { ClusterOptions, KubeObject } from '../../../../sandbox/cluster/index.ts';
import { SandboxClock } from '../../../../sandbox/clock.ts';
import { Faults } from '../../../../sandbox/faults.ts';
import { AwsRefusal } from '../../../../sandbox/ports.ts';
import type { ImageSource, KeyPair, PullResult } from '../../../../sandbox/ports.ts';

/** A minimal AWS account for the operator: one key pair, some secrets, numbered tokens. */
class TinyAws {
  pair: KeyPair = { accessKeyId: 'AKIA1', secretAccessKey: 'one' };
  readonly secrets = new Map<string, string>();
  tokens = 0;
  readonly #clock: SandboxClock;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  async getSecretValue(caller: KeyPair, _region: string, id: string): Promise<string> {
    this.#authenticate(caller);
    const value = this.secrets.get(id);
    if (value === undefined) throw new AwsRefusal('ResourceNotFoundException', 'no such secret');
    return value;
  }

  async getAuthorizationToken(caller: KeyPair) {
    this.#authenticate(caller);
    this.tokens += 1;
    return {
      authorizationToken: Buffer.from(`AWS:token-${this.tokens}`).toString('base64'),
      expiresAt: this.#clock.now() + 12 * 3_600_000,
      proxyEndpoint: 'https://registry.example',
    };
  }

  #authenticate({ accessKeyId, secretAccessKey }: KeyPair): void {
    const known = accessKeyId === this.pair.accessKeyId && secretAccessKey === this.pair.secretAccessKey;
    if (!known) throw new AwsRefusal('InvalidSignatureException', 'the signature does not match');
  }
}

/** The fields of responses that tests read. */
export interface Body extends KubeObject {
  message: string;
  reason: string;
  items: KubeObject[];
  data: Record<string, string>;
  imagePullSecrets: { name: string }[];
}

interface RequestOptions {
  body?: unknown;
  type?: string;
  accept?: string;
  token?: string;
}

export type TestCluster = Awaited<ReturnType<typeof startCluster>>;

/** A cluster behind a plain HTTP server on the loopback interface. */
export async function startCluster(options: Partial<ClusterOptions> = {}) {
  const clock = new SandboxClock();
  const faults = new Faults();
  const aws = new TinyAws(clock);
  const pulls = {
    results: new Map<string, PullResult>(),
    configs: new Map<string, readonly string[]>(),
    /** The HTTP status of pulls from mirrors. */
    statuses: new Map<string, number>(),
    headers: new Map<string, string | undefined>(),
  };
  const images: ImageSource = {
    pull(image, _platform, dockerConfigs) {
      pulls.configs.set(image, dockerConfigs);
      return Promise.resolve(pulls.results.get(image) ?? 'pulled');
    },
    pullWithHeader(image, _platform, authorization) {
      pulls.headers.set(image, authorization);
      return Promise.resolve(pulls.statuses.get(image) ?? 'pulled');
    },
    describe: () => undefined,
  };
  const cluster = createCluster({ clock, faults, aws, images, ...options });
  const server = createServer((req, res) => cluster.handler(req, res));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const tokenOf = (user?: string): string => {
    const config = JSON.parse(cluster.kubeconfig(url, undefined, user)) as {
      users: { user: { token: string } }[];
    };
    return config.users[0]?.user.token ?? '';
  };
  const admin = tokenOf();

  /** Sends one request. @returns the status code and the parsed body */
  async function request(
    method: string,
    path: string,
    { body, type, accept, token = admin }: RequestOptions = {},
  ) {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': type ?? 'application/json',
        ...(accept !== undefined && { accept }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type') === 'application/json';
    const parsed = (json ? JSON.parse(text) : { message: text }) as Body;
    return { code: response.status, body: parsed, headers: response.headers };
  }

  return {
    cluster,
    clock,
    faults,
    aws,
    pulls,
    tokenOf,
    request,
    /** Server-side apply with the field manager `test`. */
    apply: (path: string, body: unknown, parameters = '') =>
      request('PATCH', `${path}?fieldManager=test${parameters}`, {
        body,
        type: 'application/apply-patch+yaml',
      }),
    async close() {
      cluster.close();
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
