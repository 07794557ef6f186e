import type { Clock } from '../../core/clock.ts';
import { type Authorization, HostAuth } from './auth.ts';
import type { HostCredential } from './credentials.ts';
import { apiHost, type Destinations } from './destinations.ts';
import { RegistryError } from './errors.ts';
import type { MirrorHistory } from './history.ts';
import { HostLimiter, type Outcome, type RequestKind, type Rates } from './limiter.ts';
import { parseChallenge } from './challenge.ts';
import { refusalError } from './refusal.ts';
import { RetryBudget, type Retrying, retrying } from './retry.ts';
import type { RegistryResponse, RegistryRequest, RequestCount, RegistryTransport } from './transport.ts';
import { connect } from 'node:tls';

export interface HostOptions {
  readonly host: string;
  readonly identity: HostCredential;
  readonly transport: RegistryTransport;
  readonly clock: Clock;
  readonly destinations: Destinations;
  /** Authorization at a host that this host redirects to. */
  readonly elsewhere: (url: URL) => HostAuth;
  readonly rates?: Rates;
  /** Whether the host required no login in earlier runs. */
  readonly history?: MirrorHistory;
}

/** What all requests for one image share. */
export interface RequestContext {
  readonly signal: AbortSignal;
  readonly tally?: RequestCount;
}

export interface HostRequest extends Omit<RegistryRequest, 'url' | 'headers' | 'signal' | 'tally'> {
  /** A path below the host, or a complete URL from the registry. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `repository:NAME:pull` */
  readonly scope: string;
  readonly kind?: RequestKind;
  /** Statuses that are not failures, in addition to 2xx. */
  readonly accept?: readonly number[];
}

/** One login if the request had no token, and one if its token turns out to be expired. */
const maxLogins = 2;
/** One registry host: its protocol, authorization, pace and retries. */
export class RegistryHost {
  readonly name: string;
  readonly #options: HostOptions;
  readonly #auth: HostAuth;
  readonly #limiter: HostLimiter;
  readonly #budget = new RetryBudget();
  #base: Promise<URL> | undefined;

  constructor(options: HostOptions) {
    this.name = options.host;
    this.#options = options;
    this.#auth = new HostAuth(options);
    this.#limiter = new HostLimiter(options.clock, options.rates);
  }

  /** Repeats `attempt` within this host's budget. */
  retrying<T>({ signal }: RequestContext, attempt: () => Promise<T>): Promise<T> {
    const policy: Retrying = { clock: this.#options.clock, signal, budget: this.#budget };
    return retrying(policy, attempt);
  }

  /**
   * Sends one authorized request, and repeats it only to log in. Returns a success or an accepted status.
   * @throws RegistryError
   */
  async send(request: HostRequest, call: RequestContext): Promise<RegistryResponse> {
    const leave = await this.#limiter.admit(request.kind ?? 'other', call.signal);
    let outcome: Outcome = 'failed';
    try {
      const reply = await this.#authorised(request, call);
      outcome = 'succeeded';
      return reply;
    } catch (error) {
      if (error instanceof RegistryError && error.failure.throttled)
        outcome = { refusedForMs: error.failure.retryAfter ?? 0 };
      throw error;
    } finally {
      leave(outcome);
    }
  }

  async #authorised(request: HostRequest, call: RequestContext): Promise<RegistryResponse> {
    const base = await (this.#base ??= this.#findBase());
    const url = this.#urlOf(request, base);
    const mayRepeat = request.body === undefined || Buffer.isBuffer(request.body);
    try {
      for (let tries = 1; ; tries += 1) {
        const answer = await this.#auth.answer(request.scope, call.signal);
        const first = await this.#exchange(request, url, answer.header, call);
        // Another host's response says nothing about logins at this host, and that host must not receive this
        // host's login.
        const isElsewhere = first.url.origin !== base.origin;
        const reply = isElsewhere ? await this.#answerElsewhere(first, request, call) : first;
        const isRefused = !isElsewhere && (reply.status === 401 || isWrongGuess(reply, answer));
        if (!isRefused) this.#auth.accepted(request.scope, answer);
        if (!isRefused && isFine(reply.status, request.accept)) return reply;
        const failed = await refusalError(reply, { ...this.#options, what: request.what, isElsewhere });
        const isMute = request.method === 'HEAD' && reply.status === 403;
        const wantsLogin =
          isRefused || saysLogin(failed) || (isMute && this.#auth.mayBeExpired(answer.header));
        if (isElsewhere || !wantsLogin || tries > maxLogins) throw failed;
        if (!(await this.#auth.refused(reply, request.scope, answer))) throw failed;
        if (!mayRepeat) throw failed.asRetryable();
      }
    } finally {
      this.#auth.undecided();
    }
  }

  /**
   * Repeats the request at the responding host with what it requires: an anonymous token, or the login for that
   * host.
   */
  async #answerElsewhere(
    reply: RegistryResponse,
    request: HostRequest,
    call: RequestContext,
  ): Promise<RegistryResponse> {
    const challenge = parseChallenge(reply.header('www-authenticate') ?? '');
    if (reply.status !== 401 || !challenge) return reply;
    const scope = (challenge.scheme === 'bearer' && challenge.scope) || request.scope;
    const header = await this.#options.elsewhere(reply.url).answerChallenge(challenge, scope, call.signal);
    if (header === undefined) return reply;
    await reply.dump();
    return this.#exchange(request, reply.url, header, call);
  }

  /** The URL of a request. The registry chooses an upload's URL, but only on its own host: the image may be private. */
  #urlOf({ path, what }: HostRequest, base: URL): URL {
    const url = URL.canParse(path, base.href) ? new URL(path, base) : undefined;
    if (url?.host !== base.host) {
      throw new RegistryError(
        {
          code: 'registry-failed',
          what,
          why: `${this.name} names another host for the upload: ${url?.host || path.slice(0, 80)}`,
          hint: `Check that ${this.name} is the right registry, and that no proxy answers in its place.`,
        },
        {},
      );
    }
    // Registries behind a TLS proxy often use http in their own URLs.
    url.protocol = base.protocol;
    return url;
  }

  #exchange(
    request: HostRequest,
    url: URL,
    authorization: string | undefined,
    { signal, tally }: RequestContext,
  ) {
    const { method, body, what } = request;
    const sent: RegistryRequest = {
      method,
      url,
      what,
      signal,
      headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(body === undefined ? {} : { body }),
      ...(tally ? { tally } : {}),
    };
    const { transport } = this.#options;
    return method === 'GET' || method === 'HEAD' ? transport.follow(sent) : transport.send(sent);
  }

  async #findBase(): Promise<URL> {
    const host = apiHost(this.name);
    const mayBePlain = this.#options.destinations.mayBePlain(new URL(`https://${host}`));
    const isPlain = mayBePlain && !(await speaksTls(host));
    return new URL(`${isPlain ? 'http' : 'https'}://${host}`);
  }
}

const isFine = (status: number, accept: readonly number[] = []) =>
  (status >= 200 && status < 300) || accept.includes(status);

/**
 * Registries and their object stores also send these statuses for another service's token, and may allow
 * anonymous access.
 */
const isWrongGuess = ({ status }: RegistryResponse, { isGuess }: Authorization) =>
  isGuess && (status === 400 || status === 403 || status === 404);

/** ECR responds with 403 to an expired token. The response to a HEAD has no body with the reason. */
const saysLogin = ({ failure, why }: RegistryError) =>
  failure.status === 401 || (failure.status === 403 && /expired/i.test(why));

const handshakeTimeoutMs = 5_000;

/** Whether a host completes a TLS handshake. Sends no request. Later requests verify the certificate. */
function speaksTls(host: string): Promise<boolean> {
  const { hostname, port } = new URL(`https://${host}`);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      rejectUnauthorized: false,
      // No certificate is checked here, and parsing Node's authorities would take 20 ms.
      ca: [],
    });
    const end = (answer: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    // The socket's own timeout does not suffice, because each byte restarts it.
    const timer = setTimeout(() => end(false), handshakeTimeoutMs);
    socket.once('secureConnect', () => end(true));
    socket.once('error', () => end(false));
  });
}
