import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';

import type { Services } from './service.ts';

/**
 * Lets scenarios do to the lab what happens to real machines, by HTTP on a Unix socket:
 * - `GET /services`: `[{ name, running, log }]`
 * - `POST /services/NAME/restart` with a JSON list of arguments that are added to its command
 */
export async function serveControl(socket: string, services: Services): Promise<void> {
  const handle = async (request: IncomingMessage): Promise<unknown> => {
    if (request.url === '/services')
      return services.all().map(({ name, running, log }) => ({ name, running, log }));
    const [, name] = /^\/services\/([^/]+)\/restart$/.exec(request.url ?? '') ?? [];
    if (name === undefined) throw new Error(`nothing at ${request.url}`);
    const service = services.get(name);
    const args = JSON.parse((await text(request)) || '[]') as string[];
    await service.stop();
    await service.start(args);
    return { name, running: true };
  };
  const server = createServer((request, response) => {
    handle(request).then(
      (answer) => response.end(JSON.stringify(answer)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
}
