import { createHash, randomUUID, type Hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { registryError } from './oci.ts';
import type { HttpResponse } from '../http.ts';
import type { Content, Repository } from './storage.ts';

interface Upload {
  readonly repository: Repository;
  readonly hash: Hash;
  chunks: Buffer[];
  size: number;
  /** ECR cannot resume an upload whose connection broke during a request. */
  broken: boolean;
}

/** Blob uploads, as in ECR: an upload must finish without an interruption. */
export class Uploads {
  readonly #open = new Map<string, Upload>();
  readonly #contents: Map<string, Content>;

  /** @param contents all blobs in the sandbox, so that identical bytes are stored once */
  constructor(contents: Map<string, Content>) {
    this.#contents = contents;
  }

  start(repository: Repository, location: string): HttpResponse {
    const id = randomUUID();
    this.#open.set(id, { repository, hash: createHash('sha256'), chunks: [], size: 0, broken: false });
    return this.#progress(id, location, 0);
  }

  async append(
    id: string,
    location: string,
    body: Readable,
    range: string | undefined,
  ): Promise<HttpResponse> {
    const upload = this.#open.get(id);
    if (!upload) return unknownUpload();
    const start = Number(/^(?:bytes )?(\d+)-/.exec(range ?? '')?.[1] ?? upload.size);
    if (upload.broken || start !== upload.size) return outOfOrder();
    await this.#receive(upload, body, true);
    return this.#progress(id, location, upload.size);
  }

  async finish(id: string, location: string, body: Readable, digest: string): Promise<HttpResponse> {
    const upload = this.#open.get(id);
    if (!upload) return unknownUpload();
    if (upload.broken) return outOfOrder();
    await this.#receive(upload, body, !this.#contents.has(digest));
    this.#open.delete(id);
    if (`sha256:${upload.hash.digest('hex')}` !== digest) {
      return registryError(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    }
    if (upload.size === 0) {
      const why = 'cannot be completed because it does not have any parts';
      return registryError(400, 'BLOB_UPLOAD_INVALID', `The upload with id '${id}' ${why}`);
    }
    const content = this.#contents.get(digest) ?? Buffer.concat(upload.chunks);
    this.#contents.set(digest, content);
    upload.repository.blobs.set(digest, content);
    return { status: 201, headers: { location, 'docker-content-digest': digest } };
  }

  async #receive(upload: Upload, body: Readable, keep: boolean): Promise<void> {
    upload.broken = true;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      upload.hash.update(chunk);
      upload.size += chunk.length;
      if (keep) upload.chunks.push(chunk);
    }
    upload.broken = false;
  }

  #progress(id: string, location: string, size: number): HttpResponse {
    const range = `0-${Math.max(0, size - 1)}`;
    return { status: 202, headers: { location: `${location}${id}`, range, 'docker-upload-uuid': id } };
  }
}

const unknownUpload = () => registryError(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry');
const outOfOrder = () => registryError(416, 'BLOB_UPLOAD_INVALID', 'Layer part is not in the expected order');
