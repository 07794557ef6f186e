import type { RunRecord } from './record.ts';

/** A part of a run's time. All of them follow each other and make the whole. */
export interface Span {
  readonly name: string;
  readonly milliseconds: number;
}

/** Where the time of a run with few requests goes. @throws Error when it made no request */
export function spansOf({ seconds, loaded, ended, connections, requests }: RunRecord): Span[] {
  const connected = Math.min(...connections);
  const sent = Math.min(...requests.flatMap((request) => request.sent ?? []));
  if (!Number.isFinite(connected + sent)) throw new Error('the engine asked for nothing');
  const answered = Math.max(...requests.map((request) => request.ended));
  return [
    { name: 'start of Node', milliseconds: loaded },
    {
      name: "loading the engine's modules, until the first connection is begun",
      milliseconds: connected - loaded,
    },
    { name: 'loading what sends requests, while connections open', milliseconds: sent - connected },
    { name: 'requests, from the first sent to the last answered', milliseconds: answered - sent },
    { name: 'what the engine does after that', milliseconds: ended - answered },
    { name: 'end of Node', milliseconds: seconds * 1000 - ended },
  ];
}
