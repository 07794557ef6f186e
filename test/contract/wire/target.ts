import type { Dispatcher } from 'undici';
import type { Reply } from './reply.ts';
import type { Identity, Service, SigningKey, WireRequest } from './request.ts';

export type TargetName = 'sandbox' | 'moto' | 'docker-registry' | 'kubernetes' | 'aws';

/** Where a service is. */
export interface Endpoint {
  /** Scheme, host and port. */
  readonly url: string;
  /** Who may do everything there. */
  readonly owner: Identity;
  /** Who is known there and may do nothing; where AWS is spoken, cases make their own. */
  readonly stranger?: Identity;
}

/** An image that stands in `registry` from the start, for a registry may be read-only. */
export interface StandingImage {
  readonly repository: string;
  readonly tag: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly mediaType: string;
  readonly layer: { readonly digest: string; readonly size: number };
}

/** Where a registry's tokens come from, as its challenges say. */
export interface TokenAuthority {
  readonly realm: string;
  readonly service: string;
  /** Text of an `authorization` header that is given tokens. */
  readonly login: string;
}

/** Brings about what a request is to meet; the returned call ends that. */
export type Condition = (request: WireRequest) => Promise<() => Promise<void>>;

/** What a target is brought to from outside, because no request does, or none in a minute. */
export interface Levers {
  /** From now on there are too many requests like this one. */
  throttle: Condition;
  /** From now on blobs may be mounted from one repository into another. */
  mountBlobs: Condition;
  /** Temporary credentials belong to the key that requested them. Moto issues fixed example credentials. */
  issuesSessions: true;
  /** Expired credentials. */
  expiredSession(): SigningKey;
  /** An `authorization` header with an expired token of ECR. */
  expiredEcrToken(): string;
  /** Docker Hub is there under its real names. */
  dockerHub: true;
  /** The same with a token of the authority, for pulling the standing image. */
  expiredBearer(): string;
}

/** Something that claims to speak a protocol, running. */
export interface Target {
  readonly account: string;
  readonly region: string;
  readonly endpoints: Partial<Readonly<Record<Service, Endpoint>>>;
  readonly image?: StandingImage;
  readonly tokens?: TokenAuthority;
  readonly levers?: Partial<Levers>;
  readonly dispatcher: Dispatcher;
  /** Milliseconds that a change may take until every request sees it. */
  readonly lag: number;
  /** Told of each request and its answer. */
  readonly sent?: (request: WireRequest, reply: Reply) => void;
  close(): Promise<void>;
}
