import type { Reply } from './reply.ts';
import type { Service, WireRequest } from './request.ts';
import type { Capabilities, StandingImage, Target, TargetName, TokenAuthority } from './target.ts';

/** The input for a case's requests. */
export interface Situation extends Pick<Target, 'account' | 'region'> {
  /** A unique name for what this case creates. No other case and no other run uses it. */
  readonly name: string;
  readonly image: StandingImage;
  readonly tokens: TokenAuthority;
  readonly capabilities: Partial<Capabilities>;
  /** The replies to the requests of `given`, in order. */
  readonly replies: readonly Reply[];
  /** The host of the ECR registry. */
  readonly registryHost: string;
  /** Whether the target has this service. */
  speaks(service: Service): boolean;
}

export type Ask = (situation: Situation) => WireRequest;

/** The expected answer. Only the given fields count. */
export interface Answer {
  readonly status: number;
  /** The service's own name of the error. */
  readonly code?: string;
  /** Names are in lower case. A string must equal the whole value, and undefined means that the header is absent. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>;
  /** The parsed body must contain at least these fields. They may be vitest matchers. */
  readonly body?: unknown;
}

/** A known difference between a target and the contract. The case fails when the difference no longer exists. */
export interface Difference {
  /** The short form of the target's answer, for example `400 InvalidParameterException`. */
  readonly instead: string;
  /** What the target does, and why that is acceptable. */
  readonly why: string;
  /** The source that the contract follows, and therefore the sandbox. */
  readonly decides: string;
}

/**
 * What a request cannot set up. A condition holds while `ask` is sent; `ask` uses the other capabilities. The case runs
 * only on targets with the capability.
 */
export interface Need {
  readonly capability: keyof Capabilities;
  /** The source that the contract follows, because a run on one target alone proves little. */
  readonly decides: string;
}

/** A call or an error that the product handles, as it is on the wire. */
export interface Case {
  readonly name: string;
  /**
   * Requests that set up the situation. Each must succeed. Requests to a service that the target lacks are left
   * out: a registry without a control plane needs no CreateRepository.
   */
  readonly given?: readonly Ask[];
  readonly ask: Ask;
  readonly needs?: Need;
  /** Another service that the case uses. The case runs only on targets that have it. */
  readonly also?: Service;
  /** `ask` may succeed until the change has propagated, so it is repeated. */
  readonly revokes?: true;
  readonly answer: Answer | ((situation: Situation) => Answer);
  readonly differs?: Partial<Readonly<Record<TargetName, Difference>>>;
}
