import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { state } from './paths.ts';

/** Asks the lab's control socket, from inside or outside. @throws Error with what the lab answered */
export async function control(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: join(state, 'control.sock'), method, path }, (response) => {
      text(response).then((answer) => {
        if (response.statusCode === 200) resolve(JSON.parse(answer));
        else reject(new Error(`${method} ${path}: ${answer}`));
      }, reject);
    });
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}
