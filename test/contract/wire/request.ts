import type { SigningKey } from '../../../sandbox/ports.ts';

export type { SigningKey } from '../../../sandbox/ports.ts';

/**
 * The protocol at an address. `ecr-registry` is the distribution API of ECR, `registry` that of any other
 * registry, and `bearer-registry` that of a registry which requires tokens from a separate authority.
 */
export type Service =
  'sts' | 'iam' | 'ecr' | 'secretsmanager' | 'ecr-registry' | 'registry' | 'bearer-registry' | 'kubernetes';

/** The sender of a request: a key that signs it, the text of a header, or an anonymous client. */
export type Identity = { readonly key: SigningKey } | { readonly authorization: string } | 'anonymous';

/** An HTTP request without its host and its authentication. */
export interface WireRequest {
  readonly service: Service;
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** By default the target's owner. `stranger` is a known user without permissions. */
  readonly as?: Identity | 'stranger';
  /** Milliseconds by which the sender's clock is wrong. */
  readonly skew?: number;
}

type Sender = Pick<WireRequest, 'as' | 'skew'>;

const awsJson =
  (service: 'ecr' | 'secretsmanager', target: string) =>
  (operation: string, input: object = {}, sender: Sender = {}): WireRequest => ({
    service,
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${target}.${operation}` },
    body: JSON.stringify(input),
    ...sender,
  });

export const ecr = awsJson('ecr', 'AmazonEC2ContainerRegistry_V20150921');
export const secrets = awsJson('secretsmanager', 'secretsmanager');

/** The fields of structures in lists are texts; a list in one is written as `Values.member.1`. */
type QueryInput = Readonly<
  Record<string, string | readonly string[] | readonly Readonly<Record<string, string>>[]>
>;

const awsQuery =
  (service: 'iam' | 'sts', Version: string) =>
  (Action: string, input: QueryInput = {}, sender: Sender = {}): WireRequest => ({
    service,
    method: 'POST',
    path: '/',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ Action, Version, ...flat(input) }).toString(),
    ...sender,
  });

export const iam = awsQuery('iam', '2010-05-08');
export const sts = awsQuery('sts', '2011-06-15');

/** Converts `{ Tags: [{ Key: 'a' }] }` to `Tags.member.1.Key=a`. */
function flat(input: QueryInput): Record<string, string> {
  const entries = Object.entries(input).flatMap(([name, value]) => {
    if (typeof value === 'string') return [[name, value]];
    return value.flatMap((one, index) => {
      const member = `${name}.member.${index + 1}`;
      if (typeof one === 'string') return [[member, one]];
      return Object.entries(one).map(([field, text]) => [`${member}.${field}`, text]);
    });
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

const distribution =
  (service: 'ecr-registry' | 'registry' | 'bearer-registry') =>
  (method: string, path: string, more: Partial<WireRequest> = {}): WireRequest => ({
    service,
    method,
    path: `/v2/${path}`,
    ...more,
  });

export const ecrRegistry = distribution('ecr-registry');
export const registry = distribution('registry');
export const bearerRegistry = distribution('bearer-registry');

const types = {
  apply: 'application/apply-patch+yaml',
  json: 'application/json',
  'json-patch': 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

/** @param more its `type` is the type of the body */
export function kube(
  method: string,
  path: string,
  body?: unknown,
  { type = 'json', ...more }: Partial<WireRequest> & { readonly type?: keyof typeof types } = {},
): WireRequest {
  const headers = { accept: 'application/json', 'content-type': types[type], ...more.headers };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return { service: 'kubernetes', method, path, ...sent, ...more, headers };
}
