import type { Clock } from '../clock.ts';
import { type Challenge, parseChallenge } from './challenge.ts';
import { basicHeader, type Credential, type Identity } from './credentials.ts';
import { Tokens } from './tokens.ts';
import type { Hint, Hints } from './hints.ts';
import type { Reply, Transport } from './transport.ts';

export interface AuthOptions {
  readonly host: string;
  readonly identity: Identity;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly hints?: Hints;
}

/** A login that is refused without words so soon after it was first shown is denied, not over. Milliseconds. */
const youth = 60_000;

/** Authorization for one host: learns once how the host wants it, keeps a token for each scope. */
export class HostAuth {
  readonly #identity: Identity;
  readonly #tokens: Tokens;
  readonly #clock: Clock;
  #challenge: Challenge | undefined;
  #discovery: { readonly done: Promise<void>; readonly finish: () => void } | undefined;
  #shown: Credential | undefined;
  #shownSince = 0;

  readonly #hints: Hints | undefined;
  readonly #open: Hint;

  constructor({ host, identity, transport, clock, hints }: AuthOptions) {
    this.#identity = identity;
    this.#hints = hints;
    this.#clock = clock;
    this.#open = `open ${host}`;
    this.#tokens = new Tokens(host, identity, transport, clock);
    if (identity.preemptive) this.#challenge = { scheme: 'basic' };
  }

  /** The value of the Authorization header for a request; undefined for none. The first one finds out, the others wait for it. */
  async header(scope: string, signal: AbortSignal): Promise<string | undefined> {
    if (!this.#challenge && (await this.#hints?.has(this.#open))) this.#challenge ??= { scheme: 'none' };
    while (!this.#challenge && this.#discovery) await this.#discovery.done;
    if (!this.#challenge) {
      let finish: () => void = () => undefined;
      const done = new Promise<void>((resolve) => (finish = resolve));
      this.#discovery = { done, finish };
      return undefined;
    }
    if (this.#challenge.scheme === 'basic') return this.#basic();
    if (this.#challenge.scheme === 'bearer') {
      return this.#tokens.header(this.#challenge, scope, signal);
    }
    return undefined;
  }

  /** To be told of every answer that is no 401. */
  answered(): void {
    if (!this.#challenge) {
      this.#challenge = { scheme: 'none' };
      void this.#hints?.add([this.#open]);
    }
    this.undecided();
  }

  /** To be told of the end of every request, however it ended: those who wait for the first one go on. */
  undecided(): void {
    this.#discovery?.finish();
    this.#discovery = undefined;
  }

  /**
   * Digests a 401, or ECR's 403 for an expired token.
   * @param sent the header that was refused
   * @returns whether the same request has a chance now
   */
  async refused(reply: Reply, scope: string, sent: string | undefined): Promise<boolean> {
    const challenge = parseChallenge(reply.header('www-authenticate') ?? '');
    const known = this.#challenge;
    if (known?.scheme === 'none') void this.#hints?.forget(this.#open);
    if (challenge) this.#challenge = challenge;
    this.undecided();
    const scheme = (challenge ?? known)?.scheme;
    if (scheme === 'bearer') {
      if (sent !== undefined) await this.#tokens.refused(scope, sent);
      return true;
    }
    if (scheme !== 'basic') return false;
    if (sent === undefined) return (await this.#identity.credential()) !== undefined;
    return this.#renewed(sent);
  }

  /**
   * Whether a refusal that does not tell why may mean that the token sent is over: then {@link refused} is to be told.
   * Only where tokens are ours to renew, and not while they are young, or each denial would cost one.
   */
  mayBeOver(sent: string | undefined): boolean {
    if (!this.#identity.preemptive || !this.#shown) return false;
    return basicHeader(this.#shown) !== sent || this.#clock.now() - this.#shownSince > youth;
  }

  async #renewed(sent: string): Promise<boolean> {
    const current = await this.#identity.credential();
    if (current && basicHeader(current) !== sent) return true;
    const newer = await this.#identity.credential(this.#shown ?? current);
    return newer !== undefined && basicHeader(newer) !== sent;
  }

  async #basic(): Promise<string | undefined> {
    const credential = await this.#identity.credential();
    if (credential !== this.#shown) this.#shownSince = this.#clock.now();
    this.#shown = credential;
    return credential && basicHeader(credential);
  }
}
