import type { Dispatcher } from 'undici';
import type { Reply } from './reply.ts';
import type { Identity, Service, WireRequest } from './request.ts';

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

/** Something that claims to speak a protocol, running. */
export interface Target {
  readonly account: string;
  readonly region: string;
  readonly endpoints: Partial<Readonly<Record<Service, Endpoint>>>;
  readonly image?: StandingImage;
  readonly dispatcher: Dispatcher;
  /** Milliseconds that a change may take until every request sees it. */
  readonly lag: number;
  /** Told of each request and its answer. */
  readonly sent?: (request: WireRequest, reply: Reply) => void;
  close(): Promise<void>;
}
