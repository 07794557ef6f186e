import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { acceptedManifests } from '../../src/clients/registry/manifest.ts';
import { freePort, run, type Program } from '../../test/support/program.ts';

/** A certificate for loopback and its key, in a folder; see `makeCertificate`. */
export interface Certificate {
  readonly folder: string;
}

/** Debian's docker-registry without authentication, which is none of what is measured. */
export class BenchRegistry {
  readonly port: number;
  readonly pid: number;
  readonly #program: Program;
  readonly #scheme: string;
  /** Whom it speaks to here is known, and what is asked is no secret. */
  readonly #agent = new Agent({ connect: { rejectUnauthorized: false } });
  #marks = 0;

  private constructor(port: number, scheme: string, program: Program) {
    this.port = port;
    this.#scheme = scheme;
    this.pid = program.pid;
    this.#program = program;
  }

  /** @param storage a folder that stays when the registry is stopped */
  static async start(folder: string, storage: string, tls?: Certificate): Promise<BenchRegistry> {
    await mkdir(folder, { recursive: true });
    const port = await freePort();
    const config = join(folder, 'config.json');
    await writeFile(config, JSON.stringify(configuration(port, storage, tls)));
    const program = run('docker-registry', ['serve', config], folder);
    const registry = new BenchRegistry(port, tls ? 'https' : 'http', program);
    await program.until('answers', () => registry.#answers());
    return registry;
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
    await this.#program.stop();
  }

  /** How many requests it has answered, by its own log; those of this class are not counted. */
  async requests(): Promise<number> {
    this.#marks += 1;
    const mark = `"GET /v2/?mark=${this.#marks} `;
    await this.#get(`/v2/?mark=${this.#marks}`);
    // An answer is logged before it is sent, but its line may still be in the pipe.
    await this.#program.until('logs', () => Promise.resolve(this.#program.output().includes(mark)));
    const lines = this.#program.output().split('\n');
    return lines.filter((line) => line.includes('"') && !line.includes(ownAgent) && / \/v2\//.test(line))
      .length;
  }

  /** The digest that a tag points at; undefined when there is none. */
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
      headers: {
        'user-agent': ownAgent,
        accept: acceptedManifests,
      },
    });
    await answer.body.dump();
    return answer;
  }
}

const ownAgent = 'the-benchmark-itself';

const configuration = (port: number, storage: string, tls?: Certificate): object => ({
  version: 0.1,
  log: { level: 'error', accesslog: { disabled: false } },
  storage: { filesystem: { rootdirectory: storage }, cache: { blobdescriptor: 'inmemory' } },
  http: {
    addr: `127.0.0.1:${port}`,
    // The product uploads only to the registry that it addressed, and it addresses this one by another name.
    relativeurls: true,
    secret: randomBytes(16).toString('hex'),
    ...(tls && { tls: { certificate: join(tls.folder, 'cert.pem'), key: join(tls.folder, 'key.pem') } }),
  },
});
