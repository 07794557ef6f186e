import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { acceptedManifests } from '../../src/clients/registry/manifest.ts';
import { freePort, run, type Program } from '../../test/support/program.ts';

/** Excludes the benchmark's own requests from the count. */
const userAgent = 'benchmark';

/** A process of Debian's docker-registry without authentication. */
export class BenchRegistry {
  readonly port: number;
  readonly pid: number;
  readonly #program: Program;
  readonly #scheme: string;
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false } });
  #marks = 0;

  private constructor(port: number, scheme: string, program: Program) {
    this.port = port;
    this.pid = program.pid;
    this.#scheme = scheme;
    this.#program = program;
  }

  /**
   * @param storage a folder that stays when the registry stops
   * @param tlsFolder has `cert.pem` and `key.pem`; without it the registry speaks plain HTTP
   */
  static async start(folder: string, storage: string, tlsFolder?: string): Promise<BenchRegistry> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const config = join(folder, 'config.json');
    await writeFile(config, JSON.stringify(configuration(port, storage, tlsFolder)));
    const program = run('docker-registry', ['serve', config], folder);
    const registry = new BenchRegistry(port, tlsFolder === undefined ? 'http' : 'https', program);
    await program.until('answers', () => registry.#answers());
    return registry;
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
    await this.#program.stop();
  }

  /** How many requests the registry has answered, according to its access log. */
  async requests(): Promise<number> {
    this.#marks += 1;
    const path = `/v2/?mark=${this.#marks}`;
    await this.#get(path);
    // Earlier lines may still be in the pipe until the line of this request is there.
    await this.#program.until('logs', () =>
      Promise.resolve(this.#program.output().includes(`"GET ${path} `)),
    );
    const lines = this.#program.output().split('\n');
    return lines.filter((line) => line.includes('"') && line.includes(' /v2/') && !line.includes(userAgent))
      .length;
  }

  /** The digest under a tag; undefined when there is none. */
  async digest(repository: string, tag: string): Promise<string | undefined> {
    const { statusCode, headers } = await this.#get(`/v2/${repository}/manifests/${tag}`);
    return statusCode === 200 ? String(headers['docker-content-digest']) : undefined;
  }

  async #answers(): Promise<boolean> {
    try {
      return (await this.#get('/v2/')).statusCode === 200;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
      throw error;
    }
  }

  async #get(path: string) {
    const answer = await request(`${this.#scheme}://127.0.0.1:${this.port}${path}`, {
      dispatcher: this.#agent,
      headers: { 'user-agent': userAgent, accept: acceptedManifests },
    });
    await answer.body.dump();
    return answer;
  }
}

const configuration = (port: number, storage: string, tlsFolder?: string): object => ({
  version: 0.1,
  log: { level: 'error', accesslog: { disabled: false } },
  storage: { filesystem: { rootdirectory: storage }, cache: { blobdescriptor: 'inmemory' } },
  http: {
    addr: `127.0.0.1:${port}`,
    // The product uploads only to the registry that it addressed, and it uses another name for this one.
    relativeurls: true,
    secret: randomBytes(16).toString('hex'),
    ...(tlsFolder !== undefined && {
      tls: { certificate: join(tlsFolder, 'cert.pem'), key: join(tlsFolder, 'key.pem') },
    }),
  },
});
