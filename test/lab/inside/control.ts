import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** The handlers by method and path. Body and answer are JSON. */
export type Routes = Readonly<Record<string, (body: unknown) => unknown>>;

/** Serves control requests by HTTP on a Unix socket. Answers an error with 500 and its text. */
export async function serveControl(socket: string, routes: Routes): Promise<void> {
  const server = createServer((request, response) => {
    const answer = async () => {
      const route = routes[`${request.method} ${request.url}`];
      if (route === undefined) throw new Error(`there is only: ${Object.keys(routes).join(', ')}`);
      const body = await text(request);
      return (await route(body === '' ? undefined : JSON.parse(body))) ?? null;
    };
    answer().then(
      (value) => response.end(JSON.stringify(value)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socket, resolve);
  });
}
