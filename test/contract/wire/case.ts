import type { Reply } from './reply.ts';
import type { Service, WireRequest } from './request.ts';
import type { Levers, StandingImage, Target, TargetName, TokenAuthority } from './target.ts';

/** What a case's requests are made of. */
export interface Situation extends Pick<Target, 'account' | 'region'> {
  /** For what this case makes: no other one, and no other run, has it. */
  readonly name: string;
  readonly image: StandingImage;
  readonly tokens: TokenAuthority;
  readonly levers: Partial<Levers>;
  /** What the requests of `given` were answered, in order. */
  readonly replies: readonly Reply[];
  /** Host of the ECR registry. */
  readonly registryHost: string;
  /** Whether the target has such a service. */
  speaks(service: Service): boolean;
}

export type Ask = (situation: Situation) => WireRequest;

/** What an answer must be. Only what is named counts. */
export interface Answer {
  readonly status: number;
  /** The service's own name of the error. */
  readonly code?: string;
  /** Names in lower case; a text must be the whole value. */
  readonly headers?: Readonly<Record<string, string | RegExp>>;
  /** The parsed body has at least these fields; vitest's matchers may stand in it. */
  readonly body?: unknown;
}

/** One place where a target is not as the contract says. A case fails when the target is. */
export interface Difference {
  /** The target's own answer in short: `400 InvalidParameterException`. */
  readonly instead: string;
  /** What it does, and why that is left so. */
  readonly why: string;
  /** The source that the contract, and so the sandbox, follows. */
  readonly decides: string;
}

/** What has to be brought about from outside: a condition holds while `ask` is sent, the others `ask` makes use of. Only targets that can be brought to it are asked. */
export interface Need {
  readonly lever: keyof Levers;
  /** The source that the contract follows, for a run on one target alone proves little. */
  readonly decides: string;
}

/** One call or one refusal that the product handles, as it is on the wire. */
export interface Case {
  readonly name: string;
  /**
   * Requests that bring the situation about, each of which must succeed. Those to a service that a target lacks are
   * left out: a registry without a control plane needs no CreateRepository.
   */
  readonly given?: readonly Ask[];
  readonly ask: Ask;
  readonly needs?: Need;
  /** A service beside its own that the case uses; only targets that have it are asked. */
  readonly also?: Service;
  /** Until the change has spread, `ask` may succeed: it is sent again. */
  readonly revokes?: true;
  readonly answer: Answer | ((situation: Situation) => Answer);
  readonly differs?: Partial<Readonly<Record<TargetName, Difference>>>;
}
