import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { state } from './paths.ts';

/** What a lever belongs to: `machine` to the services, `aws` to the account. */
export type ControlTarget = 'machine' | 'aws';

export const controlSocket = (lever: ControlTarget) => join(state, `${lever}.sock`);

/** Pulls a lever of the running lab, from inside or outside. @throws Error with the lab's answer */
export async function control(
  lever: ControlTarget,
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
