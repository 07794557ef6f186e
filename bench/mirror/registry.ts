import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, run, type Program } from '../../test/support/program.ts';
import { TestRegistry } from '../../test/support/registry.ts';
import type { Conditions } from './images.ts';
import type { LinkOptions } from './link.ts';
import { roundTripMs } from './results.ts';

/** A process of Debian's docker-registry without authentication, and a proxy for the conditions. */
export class BenchRegistry {
  /** Reaches the registry without the proxy. */
  readonly images: TestRegistry;
  /** The address of the proxy. */
  readonly farHost: string;
  readonly #program: Program;
  readonly #link: Program;
  #marks = 0;

  private constructor(images: TestRegistry, program: Program, link: Program) {
    this.images = images;
    this.farHost = `127.0.0.1:${parseInt(link.output())}`;
    this.#program = program;
    this.#link = link;
  }

  /** @param root has `cert.pem` and `key.pem` for TLS */
  static async start(
    root: string,
    name: 'source' | 'target',
    conditions: Conditions,
  ): Promise<BenchRegistry> {
    const { isTls = false, refusesMounts, refusedShare, sourceBytesPerSecond } = conditions;
    const port = await freePort();
    const bytesPerSecond = name === 'source' ? sourceBytesPerSecond : undefined;
    const options = { roundTripMs, bytesPerSecond, refusesMounts, refusedShare };
    const link = await startLink(port, options, join(root, `${name}-link`));
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
          ...(isTls && { tls }),
        },
      }),
    );
    const program = run('docker-registry', ['serve', config], folder);
    const ca = await readFile(tls.certificate, 'utf8');
    const nobody = { username: '', password: '' };
    const images = new TestRegistry(`127.0.0.1:${port}`, ca, nobody, isTls ? 'https' : 'http');
    await program.until('answers', () => images.answers());
    return new BenchRegistry(images, program, link);
  }

  /** Ends both processes and deletes the images. */
  async stop(): Promise<void> {
    await this.images.close();
    await Promise.all([this.#link.stop(), this.#program.stop()]);
  }

  /** What the registry has answered so far. */
  async traffic(): Promise<Traffic> {
    this.#marks += 1;
    await this.images.manifest('mark', String(this.#marks));
    // Earlier lines may still be in the pipe until the line of this request is there.
    const line = `"GET /v2/mark/manifests/${this.#marks} `;
    await this.#program.until('logs', () => Promise.resolve(this.#program.output().includes(line)));
    const { requests, blobBytes } = trafficOf(this.#program.output());
    const refused = trafficOf(this.#link.output()).requests;
    return { requests: requests - this.#marks + refused, blobBytes };
  }
}

export interface Traffic {
  readonly requests: number;
  /** The bytes of blobs that were read. */
  readonly blobBytes: number;
}

/** @param log the access log of docker-registry, in the combined format of Apache's httpd */
export function trafficOf(log: string): Traffic {
  const reads = log.matchAll(/"GET \/v2\/\S+\/blobs\/\S+ HTTP\/[\d.]+" 2\d\d (\d+)/g);
  return {
    requests: log.match(/"[A-Z]+ \/v2\//g)?.length ?? 0,
    blobBytes: [...reads].reduce((sum, [, bytes]) => sum + Number(bytes), 0),
  };
}

/** Its process prints the port that it listens on, and what it refuses. */
export async function startLink(port: number, options: LinkOptions, folder: string): Promise<Program> {
  const script = fileURLToPath(new URL('link.ts', import.meta.url));
  const args = [script, String(port), JSON.stringify(options)];
  const link = run(process.execPath, ['--import', import.meta.resolve('tsx'), ...args], folder);
  await link.until('listens', () => Promise.resolve(/^\d+\n/.test(link.output())));
  return link;
}
