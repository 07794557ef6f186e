import type { Clock } from '../clock.ts';
import { reasonOf } from '../errors/index.ts';
import { Secret } from '../secret.ts';
import type { BearerChallenge } from './challenge.ts';
import { type Credential, type Identity, basicHeader } from './credentials.ts';
import { codeOf, readRefusal, RegistryError } from './errors.ts';
import { isLoopback, readText, type Transport } from './transport.ts';

interface Token {
  readonly value: Secret;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** The specification's lifetime of a token that does not tell it, in seconds. */
const assumedLifetime = 60;
/** Renewed when so much of its life is over. */
const usableLife = 0.9;
const longestAnswer = 1 << 20;

const keyOf = ({ realm, service }: BearerChallenge, scope: string): string =>
  JSON.stringify([realm, service, scope]);

/** Bearer tokens of one host: one for each scope and challenge, fetched once however many ask, renewed before they end. */
export class Tokens {
  readonly #host: string;
  readonly #identity: Identity;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Promise<Token>>();

  constructor(host: string, identity: Identity, transport: Transport, clock: Clock) {
    this.#host = host;
    this.#identity = identity;
    this.#transport = transport;
    this.#clock = clock;
  }

  /** The value of an Authorization header. */
  async header(challenge: BearerChallenge, scope: string, signal: AbortSignal): Promise<string> {
    return `Bearer ${(await this.#get(challenge, scope, signal)).value.reveal()}`;
  }

  /** Forgets the scope's token, if it is the one that was refused. */
  async refused(challenge: BearerChallenge, scope: string, header: string): Promise<void> {
    const key = keyOf(challenge, scope);
    const kept = this.#tokens.get(key);
    const token = await kept?.catch(() => undefined);
    if (token && header === `Bearer ${token.value.reveal()}` && this.#tokens.get(key) === kept) {
      this.#tokens.delete(key);
    }
  }

  async #get(challenge: BearerChallenge, scope: string, signal: AbortSignal): Promise<Token> {
    const key = keyOf(challenge, scope);
    const kept = this.#tokens.get(key);
    if (kept) {
      const token = await kept;
      if (token.until > this.#clock.now()) return token;
    }
    // Another request may have begun to fetch a new one meanwhile.
    const begun = this.#tokens.get(key);
    if (begun && begun !== kept) return begun;
    const fetched = this.#fetch(challenge, scope, signal);
    this.#tokens.set(key, fetched);
    fetched.catch(() => {
      if (this.#tokens.get(key) === fetched) this.#tokens.delete(key);
    });
    return fetched;
  }

  async #fetch(challenge: BearerChallenge, scope: string, signal: AbortSignal): Promise<Token> {
    const what = `get a token for ${scope} of ${this.#host}`;
    const url = this.#realm(challenge.realm, what);
    const credential = await this.#identity.credential();
    const query = new URLSearchParams({
      scope,
      ...(challenge.service ? { service: challenge.service } : {}),
    });
    const reply = credential?.isIdentityToken
      ? await this.#exchange(url, query, credential, what, signal)
      : await this.#ask(url, query, credential, what, signal);
    const body = await readText(reply, longestAnswer);
    if (reply.status !== 200) throw this.#denied(reply.status, body, what);
    return this.#read(body, what);
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
    return this.#transport.send({ method: 'GET', url: asked, headers, signal, what });
  }

  #exchange(url: URL, query: URLSearchParams, credential: Credential, what: string, signal: AbortSignal) {
    query.set('grant_type', 'refresh_token');
    query.set('client_id', 'ecr-bootstrap');
    query.set('refresh_token', credential.password.reveal());
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return this.#transport.send({ method: 'POST', url, headers, body: query.toString(), signal, what });
  }

  #realm(realm: string, what: string): URL {
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.host));
    if (url && safe) return url;
    throw new RegistryError(
      {
        code: 'registry-failed',
        what,
        why: `${this.#host} sends credentials to "${realm}", which is not protected`,
        hint: 'Ask those who run the registry to name a token service with https.',
      },
      {},
    );
  }

  #read(body: string, what: string): Token {
    try {
      const { token, access_token: access, expires_in: life } = JSON.parse(body) as Record<string, unknown>;
      const value = typeof token === 'string' ? token : access;
      if (typeof value !== 'string' || value === '') throw new Error('the answer holds no token');
      const seconds = typeof life === 'number' && life > 0 ? life : assumedLifetime;
      return { value: new Secret(value), until: this.#clock.now() + seconds * 1000 * usableLife };
    } catch (error) {
      const parts = {
        code: 'registry-failed',
        what,
        why: reasonOf(error),
        hint: this.#identity.hint,
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
