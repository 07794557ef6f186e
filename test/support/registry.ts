import { Agent, request, type Dispatcher } from 'undici';
import type { Credential } from '../../src/clients/registry/credentials.ts';
import type { ExistingManifest, MirrorTarget } from '../../src/mirror/engine.ts';
import { Secret } from '../../src/core/secret.ts';
import { makeIndex, mediaTypes, sha256, type Blob, type TestImage } from './images.ts';

const accepted = [
  mediaTypes.index,
  mediaTypes.manifest,
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

/** Direct access to a registry for tests, to store and read images without the code under test. */
export class TestRegistry implements MirrorTarget {
  readonly address: string;
  readonly user: Credential;
  /** The PEM of the CA that signed the registry's certificate. */
  readonly ca: string;
  readonly #base: string;
  readonly #agent: Agent;

  constructor(
    address: string,
    ca: string,
    user: { username: string; password: string },
    transport: 'http' | 'https' = 'https',
  ) {
    this.address = address;
    this.ca = ca;
    this.user = { username: user.username, password: new Secret(user.password) };
    this.#base = `${transport}://${address}`;
    this.#agent = new Agent({ connect: { ca } });
  }

  async answers(): Promise<boolean> {
    try {
      const answer = await this.#send('GET', '/v2/');
      await answer.body.dump();
      return answer.statusCode === 200;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return false;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  host(): Promise<string> {
    return Promise.resolve(this.address);
  }

  credential(): Promise<Credential> {
    return Promise.resolve(this.user);
  }

  async manifest(repository: string, reference: string): Promise<ExistingManifest | undefined> {
    const answer = await this.#send('GET', `/v2/${repository}/manifests/${reference}`, { accept: accepted });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode === 404) return undefined;
    if (answer.statusCode !== 200) throw new Error(`manifest ${reference}: HTTP ${answer.statusCode}`);
    return { digest: sha256(bytes), mediaType: String(answer.headers['content-type']), bytes };
  }

  /** Stores an image, or an index of several, under a tag. @returns the digest that the tag points to */
  async put(repository: string, tag: string, ...images: readonly TestImage[]): Promise<string> {
    for (const { layers, config, manifest } of images) {
      for (const blob of [...layers, config]) await this.#putBlob(repository, blob);
      await this.#putManifest(repository, manifest.digest, manifest);
    }
    const [only] = images;
    const named = images.length === 1 && only ? only.manifest : makeIndex(images);
    await this.#putManifest(repository, tag, named);
    return named.digest;
  }

  async #putBlob(repository: string, { digest, bytes }: Blob): Promise<void> {
    const started = await this.#send('POST', `/v2/${repository}/blobs/uploads/`);
    await started.body.dump();
    const location = new URL(String(started.headers['location']), this.#base);
    location.searchParams.set('digest', digest);
    const type = { 'content-type': 'application/octet-stream' };
    await this.#created(this.#send('PUT', location.pathname + location.search, type, bytes), digest);
  }

  async #putManifest(repository: string, reference: string, { mediaType, bytes }: Blob): Promise<void> {
    const path = `/v2/${repository}/manifests/${reference}`;
    await this.#created(this.#send('PUT', path, { 'content-type': mediaType }, bytes), reference);
  }

  async #created(sent: Promise<Dispatcher.ResponseData>, what: string): Promise<void> {
    const { statusCode, body } = await sent;
    const text = await body.text();
    if (statusCode !== 201) throw new Error(`put ${what}: HTTP ${statusCode} ${text}`);
  }

  #send(
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    headers: Record<string, string> = {},
    body?: Buffer,
  ): Promise<Dispatcher.ResponseData> {
    const { username, password } = this.user;
    const basic = Buffer.from(`${username}:${password.reveal()}`).toString('base64');
    return request(`${this.#base}${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { ...headers, authorization: `Basic ${basic}` },
      ...(body && { body }),
    });
  }
}
