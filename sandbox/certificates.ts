import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** The ASN.1 types of a certificate, in DER. */
const der = (tag: number, ...content: Uint8Array[]): Buffer => {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body]);
};
const sequence = (...content: Uint8Array[]) => der(0x30, ...content);
const explicit = (number: number, ...content: Uint8Array[]) => der(0xa0 + number, ...content);
const octets = (content: Uint8Array) => der(0x04, content);
const bits = (content: Uint8Array, unused = 0) => der(0x03, Buffer.from([unused]), content);
const identifier = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const utcTime = (date: Date) =>
  der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

const TRUE = Buffer.from([0x01, 0x01, 0xff]);
const ECDSA_WITH_SHA256 = sequence(identifier('2a8648ce3d040302'));
const COMMON_NAME = identifier('550403');
const BASIC_CONSTRAINTS = identifier('551d13');
const KEY_USAGE = identifier('551d0f');
const ALTERNATIVE_NAME = identifier('551d11');

const named = (name: string) => sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
const extension = (id: Buffer, value: Buffer) => sequence(id, TRUE, octets(value));

/** Key usages: certificate sign and CRL sign for an authority, digital signature for a server. */
const AUTHORITY = [
  extension(BASIC_CONSTRAINTS, sequence(TRUE)),
  extension(KEY_USAGE, bits(Buffer.from([0x06]), 1)),
];
const server = (host: string) => [
  extension(KEY_USAGE, bits(Buffer.from([0x80]), 7)),
  sequence(ALTERNATIVE_NAME, octets(sequence(der(0x82, Buffer.from(host))))),
];

const ONE_DAY = 86_400_000;

/**
 * The private certificate authority of the sandbox. It is created at the start, and its keys never leave memory. It
 * issues a certificate for every host that a client connects to, so a new host needs no changes here.
 */
export class CertificateAuthority {
  /** The certificate of the authority, for the CA file of clients. */
  readonly caPem: string;
  /** The private key of every server certificate. */
  readonly serverKeyPem: string;
  readonly #name = `ecr-bootstrap sandbox ${randomBytes(4).toString('hex')}`;
  readonly #authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #server = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  constructor() {
    this.caPem = this.#certificate(this.#name, this.#authority.publicKey, AUTHORITY);
    this.serverKeyPem = this.#server.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  }

  /** A server certificate for `host`, as PEM. */
  issue(host: string): string {
    return this.#certificate('sandbox server', this.#server.publicKey, server(host));
  }

  #certificate(subject: string, key: KeyObject, extensions: Buffer[]): string {
    const validity = [new Date(Date.now() - ONE_DAY), new Date(Date.now() + 30 * ONE_DAY)];
    const signed = sequence(
      explicit(0, der(0x02, Buffer.from([2]))),
      der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
      ECDSA_WITH_SHA256,
      named(this.#name),
      sequence(...validity.map(utcTime)),
      named(subject),
      key.export({ format: 'der', type: 'spki' }),
      explicit(3, sequence(...extensions)),
    );
    const signature = sign('sha256', signed, this.#authority.privateKey);
    const lines = sequence(signed, ECDSA_WITH_SHA256, bits(signature))
      .toString('base64')
      .match(/.{1,64}/g);
    return `-----BEGIN CERTIFICATE-----\n${lines?.join('\n')}\n-----END CERTIFICATE-----\n`;
  }
}
