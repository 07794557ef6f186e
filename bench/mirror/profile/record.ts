import type { Load } from './load.ts';

/** Names the file that {@link Traced} is written to. */
export const traceVariable = 'BENCH_TRACE';

/** What the engine's process saw of itself. Times are milliseconds since Node started. */
export interface Traced {
  /** When that was, in milliseconds since the epoch. */
  readonly origin: number;
  /** When Node had started and came to the first module that is not its own. */
  readonly loaded: number;
  /** When the program had nothing left to do. */
  readonly ended: number;
  /** When each connection was begun. */
  readonly connections: readonly number[];
  readonly requests: readonly TracedRequest[];
}

export interface TracedRequest {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  /** When the program asked for it. */
  readonly created: number;
  /** When its head left, which may have had to wait for a connection. */
  sent?: number;
  /** When the head of the answer came. */
  answered?: number;
  /** When the whole answer was there, or it failed. */
  ended?: number;
}

/** A request of the record, in milliseconds since the command's start. */
export interface Request {
  readonly side: 'source' | 'target';
  readonly kind: 'manifest' | 'blob' | 'upload';
  readonly method: string;
  readonly created: number;
  readonly sent?: number;
  readonly answered?: number;
  readonly ended: number;
}

/** One run of the engine, in milliseconds since the command's start, as whoever typed it would see it. */
export interface RunRecord {
  readonly seconds: number;
  /** When Node had started and came to the first module that is not its own. */
  readonly loaded: number;
  /** When the program had nothing left to do. */
  readonly ended: number;
  readonly connections: readonly number[];
  /** In the order of their creation. */
  readonly requests: readonly Request[];
  readonly load: readonly Load[];
}

/** What was measured from outside. */
export interface Outside {
  /** When the command began, in milliseconds since the epoch. */
  readonly began: number;
  readonly seconds: number;
  /** Host and port of the source. */
  readonly source: string;
  readonly load: readonly Load[];
}

/** Brings what was seen inside onto the time of the command, which began a little before Node could tell. */
export function recordOf(traced: Traced, { began, seconds, source, load }: Outside): RunRecord {
  const at = (time: number) => Math.round((traced.origin + time - began) * 100) / 100;
  const requests = traced.requests.map((request): Request => {
    const { method, origin, path, created, sent, answered, ended = traced.ended } = request;
    return {
      side: new URL(origin).host === source ? 'source' : 'target',
      kind: path.includes('/manifests/') ? 'manifest' : path.includes('/blobs/uploads/') ? 'upload' : 'blob',
      method,
      created: at(created),
      ...(sent !== undefined && { sent: at(sent) }),
      ...(answered !== undefined && { answered: at(answered) }),
      ended: at(ended),
    };
  });
  return {
    seconds,
    loaded: at(traced.loaded),
    ended: at(traced.ended),
    connections: traced.connections.map(at),
    requests,
    load,
  };
}
