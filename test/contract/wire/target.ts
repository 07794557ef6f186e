import type { Dispatcher } from 'undici';
import type { Reply } from './reply.ts';
import type { Identity, Service, SigningKey, WireRequest } from './request.ts';

export type TargetName = 'sandbox' | 'moto' | 'docker-registry' | 'kubernetes' | 'aws';

/** The address of a service. */
export interface Endpoint {
  /** Scheme, host and port. */
  readonly url: string;
  /** An identity with all permissions. */
  readonly owner: Identity;
  /** A known identity without permissions. Where the target is AWS, cases create their own. */
  readonly stranger?: Identity;
}

/** An image that `registry` has from the start, because a registry may be read-only. */
export interface StandingImage {
  readonly repository: string;
  readonly tag: string;
  /** The digest of the manifest. */
  readonly digest: string;
  readonly mediaType: string;
  readonly layer: { readonly digest: string; readonly size: number };
}

/** The token authority of a registry, as its challenges name it. */
export interface TokenAuthority {
  readonly realm: string;
  readonly service: string;
  /** The text of an `authorization` header that is accepted for tokens. */
  readonly login: string;
}

/** Sets up a condition for a request. The returned function ends it. */
export type Condition = (request: WireRequest) => Promise<() => Promise<void>>;

/** What a target can set up from outside, because requests cannot, or not within a minute. */
export interface Capabilities {
  /** From now on, requests like this one are throttled. */
  throttle: Condition;
  /** From now on, blobs can be mounted from one repository into another. */
  mountBlobs: Condition;
  /** Temporary credentials belong to the key that requested them. Moto issues fixed example credentials. */
  issuesSessions: true;
  /** Returns expired credentials. */
  expiredSession(): SigningKey;
  /** Returns an `authorization` header with an expired token of ECR. */
  expiredEcrToken(): string;
  /** The target has Docker Hub under its real host names. */
  dockerHub: true;
  /** Returns an `authorization` header with an expired token of the authority, for pulling the standing image. */
  expiredBearer(): string;
}

/** A running service that is expected to speak a protocol. */
export interface Target {
  readonly account: string;
  readonly region: string;
  readonly endpoints: Partial<Readonly<Record<Service, Endpoint>>>;
  readonly image?: StandingImage;
  readonly tokens?: TokenAuthority;
  readonly capabilities?: Partial<Capabilities>;
  readonly dispatcher: Dispatcher;
  /** Milliseconds until every request sees a change. */
  readonly lag: number;
  /** Called with each request and its reply. */
  readonly sent?: (request: WireRequest, reply: Reply) => void;
  close(): Promise<void>;
}
