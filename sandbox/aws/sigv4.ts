import { createHash, createHmac } from 'node:crypto';
import type { HttpRequest } from '../http.ts';
import { AwsRefusal } from '../ports.ts';

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();

/** The error of AWS for a wrong secret. */
export const WRONG_SIGNATURE =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';

/** The maximum clock skew of a client, in milliseconds. */
const MAX_SKEW = 15 * 60_000;

/** The signature of one request. Reading it does not need the secret. */
export interface Signature {
  readonly accessKeyId: string;
  readonly sessionToken: string | undefined;
  /**
   * Verifies the signature with the secret of the key.
   * @throws {AwsRefusal} `SignatureDoesNotMatch`
   */
  verify(secretAccessKey: string): void;
}

/**
 * Reads a Signature Version 4 in the Authorization header. Its time is compared with real time, not with sandbox time:
 * clients sign with their own clock.
 * @throws {AwsRefusal} `MissingAuthenticationToken`, `IncompleteSignature`
 */
export function readSignature(
  request: HttpRequest,
  body: Buffer,
  service: string,
  region: string,
): Signature {
  const { headers } = request;
  const { authorization, 'x-amz-date': date = '' } = headers;
  if (!authorization) throw new AwsRefusal('MissingAuthenticationToken', 'Missing Authentication Token', 403);
  const field = (name: string) => new RegExp(`[ ,]${name}=([^, ]+)`).exec(authorization)?.[1] ?? '';
  const [accessKeyId = '', ...scope] = field('Credential').split('/');
  const signedHeaders = field('SignedHeaders').split(';');
  const given = field('Signature');
  if (!authorization.startsWith('AWS4-HMAC-SHA256') || scope.length !== 4 || given === '' || date === '') {
    throw new AwsRefusal(
      'IncompleteSignature',
      "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters, and 'X-Amz-Date'.",
    );
  }

  const [day = '', signedRegion, signedService] = scope;
  const payload = headers['x-amz-content-sha256'] === 'UNSIGNED-PAYLOAD' ? 'UNSIGNED-PAYLOAD' : sha256(body);
  const canonical = [
    request.method,
    request.url.pathname,
    canonicalQuery(request.url),
    ...signedHeaders.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    payload,
  ].join('\n');

  const verify = (secretAccessKey: string) => {
    const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
    const expected = hmac(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n'));
    if (expected.toString('hex') !== given || !date.startsWith(day) || !signedHeaders.includes('host')) {
      throw signatureMismatch(WRONG_SIGNATURE);
    }
    if (signedRegion !== region || signedService !== service) {
      throw signatureMismatch(
        `Credential should be scoped to a valid region, ${region}, and to service ${service}.`,
      );
    }
    const skew = Date.now() - Date.parse(date.replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:'));
    if (Math.abs(skew) > MAX_SKEW) {
      throw signatureMismatch(
        `Signature ${skew > 0 ? 'expired' : 'not yet current'}: ${date} is not within 15 min of now.`,
      );
    }
  };
  return { accessKeyId, sessionToken: headers['x-amz-security-token'], verify };
}

export const signatureMismatch = (reason: string) => new AwsRefusal('SignatureDoesNotMatch', reason, 403);

function canonicalQuery(url: URL): string {
  const encode = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
}
