import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { state } from './paths.ts';

/** Where levers are pulled: `machine` for the services, `aws` for the account. */
export type Lever = 'machine' | 'aws';

export const controlSocket = (lever: Lever) => join(state, `${lever}.sock`);

/** Pulls a lever of the running lab, from inside or outside. @throws Error with what the lab answered */
export async function control(
  lever: Lever,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: controlSocket(lever), method, path }, (response) => {
      text(response).then((answer) => {
        if (response.statusCode === 200) resolve(JSON.parse(answer));
        else reject(new Error(`${method} ${path}: ${answer}`));
      }, reject);
    });
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}
