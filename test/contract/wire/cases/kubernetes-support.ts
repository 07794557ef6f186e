import type { Answer, Ask, Situation } from '../case.ts';
import { kube, type WireRequest } from '../request.ts';
import { matching } from './support.ts';

/** Each case has its own namespace. */
export const namespace: Ask = ({ name }) =>
  kube('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

export const within = ({ name }: Pick<Situation, 'name'>, rest: string): string =>
  `/api/v1/namespaces/${name}/${rest}`;

export const configMap = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  ...more,
});

export type Options = Partial<WireRequest> & { readonly type?: 'apply' | 'json' | 'json-patch' | 'merge' };

/** A request in the situation's namespace. */
export const ask =
  (method: string, rest: string, body?: unknown, options: Options = {}): Ask =>
  (situation) =>
    kube(method, within(situation, rest), body, options);

export const created = ask('POST', 'configmaps', configMap('one', { data: { k: '1' } }));

export const apply = (rest: string, body: object, query = 'fieldManager=contract&force=true'): Ask =>
  ask('PATCH', `${rest}?${query}`, body, { type: 'apply' });

export const account = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name },
  ...more,
});

export const secret = (more: object): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'one' },
  ...more,
});

interface Stored {
  readonly metadata: { readonly resourceVersion: string; readonly uid: string; readonly continue?: string };
}

export const last = ({ replies }: Situation): Stored['metadata'] => (replies.at(-1)?.body as Stored).metadata;

/** A `Status`, which is the form of every error of the API server. */
export const refusal = (status: number, code: string, message: RegExp, details?: object): Answer => ({
  status,
  code,
  headers: { 'content-type': 'application/json' },
  body: {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: matching(message),
    code: status,
    ...(details && { details }),
  },
});
