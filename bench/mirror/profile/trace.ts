import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import type { DiagnosticsChannel } from 'undici';
import { type Traced, type TracedRequest, traceVariable } from './record.ts';

/**
 * Loaded into the engine's process before its program: notes what becomes of each request and when connections are
 * begun, as undici and Node tell of it, and writes that to a file when the process ends.
 */
const loaded = performance.now();
const file = process.env[traceVariable];
if (file === undefined) throw new Error(`${traceVariable} names no file`);

const requests = new Map<object, TracedRequest>();
const connections: number[] = [];

const onRequest = (channel: string, note: (request: DiagnosticsChannel.Request, now: number) => void) =>
  subscribe(channel, (message) => {
    note((message as DiagnosticsChannel.RequestCreateMessage).request, performance.now());
  });

const mark = (channel: string, name: 'sent' | 'answered' | 'ended') =>
  onRequest(channel, (request, now) => {
    const known = requests.get(request);
    if (known) known[name] = now;
  });

onRequest('undici:request:create', (request, created) => {
  const { method = 'GET', origin = '', path } = request;
  requests.set(request, { method, origin: String(origin), path, created });
});
mark('undici:client:sendHeaders', 'sent');
mark('undici:request:headers', 'answered');
mark('undici:request:trailers', 'ended');
mark('undici:request:error', 'ended');
// Connections that are begun before undici wants them, too.
subscribe('net.client.socket', () => connections.push(performance.now()));

process.on('exit', () => {
  const traced: Traced = {
    origin: performance.timeOrigin,
    loaded,
    ended: performance.now(),
    connections,
    requests: [...requests.values()],
  };
  writeFileSync(file, JSON.stringify(traced));
});
