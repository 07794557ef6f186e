import { SharedWork } from '../../core/abort.ts';
import { type Clock, stopwatch } from '../../core/clock.ts';
import { reasonOf } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import type { BearerChallenge } from './challenge.ts';
import { type Credential, type HostCredential, basicHeader } from './credentials.ts';
import type { Destinations } from './destinations.ts';
import { codeOf, readRefusal, RegistryError } from './errors.ts';
import { readText, type RegistryTransport } from './transport.ts';

interface Token {
  readonly value: Secret;
  readonly usableMs: number;
  readonly ageMs: () => number;
}

/** The specification's default for a token without a lifetime. In seconds. */
const assumedLifetimeSeconds = 60;
/** A token is renewed after this fraction of its lifetime. */
const usableLife = 0.9;
const maxAnswerBytes = 1 << 20;
/** Visible ASCII, as in a header. Servers accept headers of 8 to 64 KiB. */
export const tokenGrammar = /^[\x21-\x7e]{1,65536}$/;

export interface TokensOptions {
  readonly host: string;
  readonly identity: HostCredential;
  readonly transport: RegistryTransport;
  readonly destinations: Destinations;
  readonly clock: Clock;
}

const keyOf = ({ realm, service }: BearerChallenge, scope: string): string =>
  JSON.stringify([realm, service, scope]);

/**
 * Bearer tokens of one host, one for each scope and challenge. Concurrent requests share a fetch; expiry triggers
 * renewal.
 */
export class Tokens {
  readonly #host: string;
  readonly #identity: HostCredential;
  readonly #transport: RegistryTransport;
  readonly #destinations: Destinations;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();
  readonly #requests = new SharedWork<Token>();

  constructor({ host, identity, transport, destinations, clock }: TokensOptions) {
    this.#host = host;
    this.#identity = identity;
    this.#transport = transport;
    this.#destinations = destinations;
    this.#clock = clock;
  }

  /** The value of an Authorization header. */
  async header(challenge: BearerChallenge, scope: string, signal: AbortSignal): Promise<string> {
    const credential = await this.#identity.credential();
    const token = credential?.isRegistryToken
      ? credential.password
      : (await this.#get(challenge, scope, signal)).value;
    return `Bearer ${token.reveal()}`;
  }

  /** Forgets the scope's token, if it is the rejected one. */
  refused(challenge: BearerChallenge, scope: string, header: string): void {
    const key = keyOf(challenge, scope);
    const token = this.#tokens.get(key);
    if (token && header === `Bearer ${token.value.reveal()}`) this.#tokens.delete(key);
  }

  async #get(challenge: BearerChallenge, scope: string, signal: AbortSignal): Promise<Token> {
    const key = keyOf(challenge, scope);
    const kept = this.#tokens.get(key);
    if (kept && kept.ageMs() < kept.usableMs) return kept;
    return this.#requests.join(key, signal, async (shared) => {
      const token = await this.#fetch(challenge, scope, shared);
      this.#tokens.set(key, token);
      return token;
    });
  }

  async #fetch(challenge: BearerChallenge, scope: string, signal: AbortSignal): Promise<Token> {
    const what = `could not get a token for ${scope} of ${this.#host}`;
    const url = this.#destinations.onward(challenge.realm, what);
    const credential = await this.#identity.credential();
    const query = new URLSearchParams({
      scope,
      ...(challenge.service ? { service: challenge.service } : {}),
    });
    const reply = credential?.isIdentityToken
      ? await this.#exchange(url, query, credential, what, signal)
      : await this.#ask(url, query, credential, what, signal);
    const body = await readText(reply, maxAnswerBytes);
    if (reply.status !== 200) throw this.#denied(reply.status, body, what);
    return this.#read(body, what, reply.url.host);
  }

  #ask(
    url: URL,
    query: URLSearchParams,
    credential: Credential | undefined,
    what: string,
    signal: AbortSignal,
  ) {
    const asked = new URL(url);
    for (const [name, value] of query) asked.searchParams.append(name, value);
    const headers = credential ? { authorization: basicHeader(credential) } : {};
    return this.#transport.follow({ method: 'GET', url: asked, headers, signal, what });
  }

  #exchange(url: URL, query: URLSearchParams, credential: Credential, what: string, signal: AbortSignal) {
    query.set('grant_type', 'refresh_token');
    query.set('client_id', 'ecr-bootstrap');
    query.set('refresh_token', credential.password.reveal());
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#transport.follow({ method: 'POST', url, headers, body: query.toString(), signal, what });
  }

  #read(body: string, what: string, service: string): Token {
    try {
      const { token, access_token: access, expires_in: life } = JSON.parse(body) as Record<string, unknown>;
      // Some services set only one of the two fields and leave the other empty.
      const value = [token, access].find((one) => typeof one === 'string' && one !== '');
      if (typeof value !== 'string') throw new Error('the response has no token');
      if (!tokenGrammar.test(value)) throw new Error('the token cannot be sent in a header');
      const seconds = typeof life === 'number' && life > 0 ? life : assumedLifetimeSeconds;
      return {
        value: new Secret(value),
        usableMs: seconds * 1000 * usableLife,
        ageMs: stopwatch(this.#clock),
      };
    } catch (error) {
      const parts = {
        code: 'registry-failed',
        what,
        why: `${service}: ${reasonOf(error)}`,
        hint: `Check the network between this computer and ${service}: a proxy or a login page may have answered in its place.`,
      } as const;
      throw new RegistryError(parts, { retryable: true }, { cause: error });
    }
  }

  #denied(status: number, body: string, what: string): RegistryError {
    const { codes, message } = readRefusal(status, body);
    const retryable = status === 429 || status >= 500;
    return new RegistryError(
      { code: codeOf(status), what, why: message, hint: this.#identity.hint },
      { status, codes, retryable, throttled: status === 429 },
    );
  }
}
