import { median } from '../results.ts';
import { type Busy, busyBetween } from './busy.ts';
import type { Request, RunRecord } from './record.ts';

/** A part of a run. Stages overlap where requests of one begin before those of another have ended. */
export interface Stage {
  readonly name: string;
  /** Milliseconds since the command's start. */
  readonly from: number;
  readonly to: number;
  readonly requests: number;
  /** Medians in milliseconds; undefined without requests. */
  readonly waited: number | undefined;
  readonly answer: number | undefined;
  /** Begun meanwhile. */
  readonly connections: number;
  readonly busy: Busy | undefined;
}

const kinds: readonly { readonly name: string; readonly has: (request: Request) => boolean }[] = [
  { name: 'looking up', has: ({ kind, method }) => kind === 'manifest' && method !== 'PUT' },
  { name: 'blobs', has: ({ kind }) => kind !== 'manifest' },
  { name: 'putting manifests', has: ({ kind, method }) => kind === 'manifest' && method === 'PUT' },
];

/** What happened in a run. */
export interface Stages {
  readonly before: Stage;
  /** Each kind of requests, from the first that was wanted to the last that was answered, in that order. */
  readonly between: readonly Stage[];
  readonly after: Stage;
  readonly whole: Stage;
}

export function stagesOf({ requests, connections, load, seconds }: RunRecord, processors: number): Stages {
  const stage = (name: string, from: number, to: number, own: readonly Request[]): Stage => ({
    ...{ name, from, to, requests: own.length, ...timesOf(own) },
    connections: connections.filter((begun) => begun >= from && begun < to).length,
    busy: busyBetween(load, from, to, processors),
  });
  const spanned = (name: string, own: readonly Request[]) => {
    const from = Math.min(...own.map(({ created }) => created));
    return stage(name, from, Math.max(...own.map(({ ended }) => ended)), own);
  };
  const between = kinds
    .map(({ name, has }) => ({ name, own: requests.filter(has) }))
    .filter(({ own }) => own.length > 0)
    .map(({ name, own }) => spanned(name, own))
    .sort((a, b) => a.from - b.from);
  const end = seconds * 1000;
  const first = between[0]?.from ?? end;
  const last = Math.max(first, ...between.map(({ to }) => to));
  return {
    before: stage('before the first request', 0, first, []),
    between,
    after: stage('after the last answer', last, end, []),
    whole: stage('the whole run', 0, end, requests),
  };
}

function timesOf(requests: readonly Request[]): Pick<Stage, 'waited' | 'answer'> {
  const waited = requests.flatMap(({ created, sent }) => (sent === undefined ? [] : [sent - created]));
  const answers = requests.flatMap(({ sent, answered }) =>
    sent === undefined || answered === undefined ? [] : [answered - sent],
  );
  const middle = (values: readonly number[]) => (values.length === 0 ? undefined : median(values));
  return { waited: middle(waited), answer: middle(answers) };
}
