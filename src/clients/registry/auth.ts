import { unlessAborted } from '../../core/abort.ts';
import { type Clock, stopwatch } from '../../core/clock.ts';
import { type BearerChallenge, type Challenge, parseChallenge } from './challenge.ts';
import { basicHeader, type Credential, type HostCredential } from './credentials.ts';
import { Tokens } from './tokens.ts';
import type { Destinations } from './destinations.ts';
import { RegistryError } from './errors.ts';
import type { HistoryEntry, MirrorHistory } from './history.ts';
import type { RegistryResponse, RegistryTransport } from './transport.ts';

export interface AuthOptions {
  readonly host: string;
  readonly identity: HostCredential;
  readonly transport: RegistryTransport;
  readonly destinations: Destinations;
  readonly clock: Clock;
  readonly history?: MirrorHistory;
}

/**
 * If a login is rejected without a reason this soon after its first use, access is denied, not expired. In
 * milliseconds.
 */
const minTokenAgeMs = 60_000;

const open: Challenge = { scheme: 'none' };

/** The authorization of one request, and the challenge that it answers. */
export interface Authorization {
  /** The value of the Authorization header. */
  readonly header?: string;
  readonly to: Challenge;
  /** The login or token answers the challenge of another repository. */
  readonly isGuess: boolean;
}

/**
 * Authorization for one host. Each repository may have its own challenge, because gateways serve repositories of
 * different registries under one host. The first challenge is a guess for the other repositories, which saves
 * them a rejected request.
 */
export class HostAuth {
  readonly #identity: HostCredential;
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  readonly #known = new Map<string, Challenge>();
  #guess: Challenge | undefined;
  #discovery: { readonly done: Promise<void>; readonly finish: () => void } | undefined;
  #used: Credential | undefined;
  #usedForMs = (): number => 0;

  readonly #history: MirrorHistory | undefined;
  readonly #anonymous: HistoryEntry;

  constructor(options: AuthOptions) {
    const { host, identity, clock, history } = options;
    this.#identity = identity;
    this.#history = history;
    this.#clock = clock;
    this.#anonymous = `anonymous ${host}`;
    this.#tokens = new Tokens(options);
    if (identity.preemptive) this.#guess = { scheme: 'basic' };
  }

  /** What to send with a request. The first request finds out what the host requires; the others wait for it. */
  async answer(scope: string, signal: AbortSignal): Promise<Authorization> {
    if (!this.#guess && (await this.#history?.has(this.#anonymous))) this.#guess ??= open;
    while (!this.#guess && this.#discovery) {
      const { done } = this.#discovery;
      await unlessAborted(signal, () => done);
    }
    const known = this.#known.get(scope);
    if (known) return { to: known, isGuess: false, ...(await this.#header(known, scope, signal)) };
    if (this.#guess) return this.#tryGuess(this.#guess, scope, signal);
    let finish: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (finish = resolve));
    this.#discovery = { done, finish };
    return { to: open, isGuess: false };
  }

  /** Call this for every reply that does not reject the authorization. */
  accepted(scope: string, { to }: Authorization): void {
    if (!this.#known.has(scope)) this.#known.set(scope, to);
    if (!this.#guess) {
      this.#guess = open;
      void this.#history?.add([this.#anonymous]);
    }
    this.undecided();
  }

  /** Call this after every request, however it ended, so that requests that wait for the first one can continue. */
  undecided(): void {
    this.#discovery?.finish();
    this.#discovery = undefined;
  }

  /**
   * Processes a 401, ECR's 403 for an expired token, or any rejection of a guess.
   * @returns whether a repetition of the same request may succeed
   */
  async refused(reply: RegistryResponse, scope: string, answer: Authorization): Promise<boolean> {
    const challenge = parseChallenge(reply.header('www-authenticate') ?? '');
    if (answer.to.scheme === 'none') void this.#history?.remove(this.#anonymous);
    if (challenge) {
      this.#known.set(scope, challenge);
      this.#guess = challenge;
    }
    this.undecided();
    if (!challenge && answer.isGuess) {
      if (!this.#known.has(scope)) this.#known.set(scope, open);
      return true;
    }
    const { header } = answer;
    const now = challenge ?? answer.to;
    if (now.scheme === 'bearer') {
      if (header !== undefined) this.#tokens.refused(now, scope, header);
      // The token service grants no more for this scope. Docker Hub responds like this for repositories that do
      // not exist.
      return !(now.error === 'insufficient_scope' && isSameService(now, answer.to));
    }
    if (now.scheme !== 'basic') return false;
    if (!header?.startsWith('Basic ')) return (await this.#login()) !== undefined;
    return this.#renewed(header);
  }

  /**
   * What to send to this host after its challenge, when another registry redirected the request to it.
   * @returns undefined when there is no login for what the host requires
   */
  async answerChallenge(
    challenge: Challenge,
    scope: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    return (await this.#header(challenge, scope, signal)).header;
  }

  /**
   * Whether a rejection without a reason may mean that the token has expired; then call {@link refused}. False if
   * this program cannot renew the token, or if the token is young: otherwise each denial would cost a token.
   */
  mayBeExpired(sent: string | undefined): boolean {
    if (!this.#identity.preemptive || !this.#used) return false;
    return basicHeader(this.#used) !== sent || this.#usedForMs() > minTokenAgeMs;
  }

  async #header(
    challenge: Challenge,
    scope: string,
    signal: AbortSignal,
  ): Promise<Pick<Authorization, 'header'>> {
    if (challenge.scheme === 'none') return {};
    const header =
      challenge.scheme === 'basic'
        ? await this.#basic()
        : await this.#tokens.header(challenge, scope, signal);
    return header === undefined ? {} : { header };
  }

  /**
   * Tries another repository's challenge. If its token service does not know this repository, sends no
   * authorization, and the registry responds with this repository's own challenge.
   */
  async #tryGuess(guess: Challenge, scope: string, signal: AbortSignal): Promise<Authorization> {
    try {
      const sent = await this.#header(guess, scope, signal);
      return { to: guess, isGuess: sent.header !== undefined && !this.#identity.preemptive, ...sent };
    } catch (error) {
      if (!(error instanceof RegistryError)) throw error;
      return { to: open, isGuess: false };
    }
  }

  async #renewed(sent: string): Promise<boolean> {
    const current = await this.#identity.credential();
    if (current && basicHeader(current) !== sent) return true;
    const newer = await this.#identity.credential(this.#used ?? current);
    return newer !== undefined && basicHeader(newer) !== sent;
  }

  async #basic(): Promise<string | undefined> {
    const credential = await this.#login();
    if (credential !== this.#used) this.#usedForMs = stopwatch(this.#clock);
    this.#used = credential;
    return credential && basicHeader(credential);
  }

  /** A login with a password for Basic. Tokens are not valid for Basic. */
  async #login(): Promise<Credential | undefined> {
    const credential = await this.#identity.credential();
    return credential?.isIdentityToken || credential?.isRegistryToken ? undefined : credential;
  }
}

const isSameService = (one: BearerChallenge, other: Challenge): boolean =>
  other.scheme === 'bearer' && one.realm === other.realm && one.service === other.service;
