import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, run, type Program } from '../../test/support/program.ts';
import { TestRegistry } from '../../test/support/registry.ts';
import { roundTripMs, type Transport } from './results.ts';

/** A process of Debian's docker-registry without authentication, and a proxy that makes it seem far away. */
export class BenchRegistry {
  /** Reaches the registry without the proxy. */
  readonly images: TestRegistry;
  /** The address of the proxy. */
  readonly farHost: string;
  readonly #program: Program;
  readonly #proxy: Program;
  #marks = 0;

  private constructor(images: TestRegistry, program: Program, proxy: Program) {
    this.images = images;
    this.farHost = `127.0.0.1:${proxy.output().trim()}`;
    this.#program = program;
    this.#proxy = proxy;
  }

  /** @param root has `cert.pem` and `key.pem` for TLS */
  static async start(root: string, name: string, transport: Transport): Promise<BenchRegistry> {
    const port = await freePort();
    const proxy = await startProxy(port, join(root, `${name}-proxy`));
    const folder = join(root, name);
    await mkdir(folder);
    const config = join(folder, 'config.json');
    const tls = { certificate: join(root, 'cert.pem'), key: join(root, 'key.pem') };
    await writeFile(
      config,
      JSON.stringify({
        version: 0.1,
        log: { level: 'error', accesslog: { disabled: false } },
        storage: {
          filesystem: { rootdirectory: join(folder, 'storage') },
          cache: { blobdescriptor: 'inmemory' },
        },
        http: {
          addr: `127.0.0.1:${port}`,
          // The product uploads only to the registry that it addressed, and it uses another name for this one.
          relativeurls: true,
          ...(transport === 'https' && { tls }),
        },
      }),
    );
    const program = run('docker-registry', ['serve', config], folder);
    const ca = await readFile(tls.certificate, 'utf8');
    const nobody = { username: '', password: '' };
    const images = new TestRegistry(`127.0.0.1:${port}`, ca, nobody, transport);
    await program.until('answers', () => images.answers());
    return new BenchRegistry(images, program, proxy);
  }

  /** Ends both processes and deletes the images. */
  async stop(): Promise<void> {
    await this.images.close();
    await Promise.all([this.#proxy.stop(), this.#program.stop()]);
  }

  /** How many requests the registry has answered, according to its access log. */
  async requests(): Promise<number> {
    this.#marks += 1;
    await this.images.manifest('mark', String(this.#marks));
    // Earlier lines may still be in the pipe until the line of this request is there.
    const line = `"GET /v2/mark/manifests/${this.#marks} `;
    await this.#program.until('logs', () => Promise.resolve(this.#program.output().includes(line)));
    const lines = this.#program.output().match(/"[A-Z]+ \/v2\//g) ?? [];
    return lines.length - this.#marks;
  }
}

/** The proxy prints the port that it listens on. */
async function startProxy(port: number, folder: string): Promise<Program> {
  const script = fileURLToPath(new URL('latency.ts', import.meta.url));
  const tsx = import.meta.resolve('tsx');
  const proxy = run(process.execPath, ['--import', tsx, script, String(port), String(roundTripMs)], folder);
  await proxy.until('listens', () => Promise.resolve(/^\d+\n/.test(proxy.output())));
  return proxy;
}
