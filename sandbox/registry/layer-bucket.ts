import { createHmac, randomBytes } from 'node:crypto';
import type { SandboxClock } from '../clock.ts';
import type { Faults } from '../faults.ts';
import { applyFault, type HttpResponse, type Handler } from '../http.ts';
import { serveBlob } from './oci.ts';
import type { Content } from './storage.ts';

/** Seconds for which a download link is valid. */
const LIFE = 3600;

const refuse = (status: number, code: string, message: string): HttpResponse => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body: `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
});

/** The S3 bucket to which ECR redirects requests for blobs. A signed link needs no credentials, and fails with them. */
export class LayerBucket {
  readonly host: string;
  readonly #clock: SandboxClock;
  readonly #contents: ReadonlyMap<string, Content>;
  readonly #key = randomBytes(32);

  constructor(region: string, clock: SandboxClock, contents: ReadonlyMap<string, Content>) {
    this.host = `prod-${region}-starport-layer-bucket.s3.${region}.amazonaws.com`;
    this.#clock = clock;
    this.#contents = contents;
  }

  signedUrl(digest: string): string {
    const date = new Date(this.#clock.now()).toISOString();
    const query = {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Date': date,
      'X-Amz-Expires': String(LIFE),
    };
    const signed = new URLSearchParams({ ...query, 'X-Amz-Signature': this.#signature(digest, date) });
    return `https://${this.host}/${digest}?${signed.toString()}`;
  }

  handler(faults: Faults): Handler {
    return ({ method, url, headers }) => {
      const call = {
        service: 'storage',
        operation: 'GetObject',
        writes: false,
        resource: url.pathname.slice(1),
      } as const;
      const refusal = (kind: 'throttle' | 'error' | 'deny') =>
        kind === 'deny'
          ? refuse(403, 'AccessDenied', 'Access Denied')
          : refuse(503, 'SlowDown', 'Please reduce your request rate.');
      return applyFault(faults.meet(call), refusal, () => this.#respond(method, url, headers));
    };
  }

  #respond(method: string, url: URL, headers: Readonly<Record<string, string | undefined>>): HttpResponse {
    const digest = decodeURIComponent(url.pathname.slice(1));
    const date = url.searchParams.get('X-Amz-Date') ?? '';
    if (headers['authorization'] !== undefined) {
      return refuse(
        400,
        'InvalidArgument',
        'Only one auth mechanism allowed; the query string or the Authorization header',
      );
    }
    if (url.searchParams.get('X-Amz-Signature') !== this.#signature(digest, date)) {
      return refuse(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match');
    }
    if (Date.parse(date) + LIFE * 1000 <= this.#clock.now())
      return refuse(403, 'AccessDenied', 'Request has expired');
    const content = this.#contents.get(digest);
    if (!content) return refuse(404, 'NoSuchKey', 'The specified key does not exist.');
    return serveBlob(content, digest, method, headers['range']);
  }

  #signature(digest: string, date: string): string {
    return createHmac('sha256', this.#key).update(`${digest} ${date}`).digest('hex');
  }
}
