import { appendFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';

import type { Hosts } from '../../../sandbox/gateway.ts';

/**
 * Logs each request to these hosts as a JSON line `{time, client, host, method, path, hasToken}`. `hasToken` is whether
 * any header or the URL contains an issued token. The tokens themselves are never logged.
 * @param tokens every token that was issued
 */
export function logRequests(hosts: Hosts, tokens: () => readonly string[], log: string): void {
  for (const [host, serve] of hosts) {
    hosts.set(host, (request, response) => {
      const { method, url = '', socket } = request;
      const line = {
        time: new Date().toISOString(),
        client: socket.remoteAddress,
        host,
        method,
        path: url.replace(/\?.*/s, ''),
        hasToken: hasToken(request, tokens()),
      };
      void appendFile(log, `${JSON.stringify(line)}\n`);
      serve(request, response);
    });
  }
}

function hasToken({ url = '', rawHeaders }: IncomingMessage, tokens: readonly string[]): boolean {
  const values = [url, ...rawHeaders];
  const decoded = values.map((value) =>
    Buffer.from(value.replace(/^basic /i, ''), 'base64').toString('latin1'),
  );
  const text = [...values, ...decoded].join('\n');
  return tokens.some((token) => text.includes(token));
}
