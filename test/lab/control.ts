import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { state } from './paths.ts';

/** What a control request is about: the services of the lab, or the AWS account. */
export type ControlTarget = 'machine' | 'aws';

export const controlSocket = (target: ControlTarget) => join(state, `${target}.sock`);

/** Sends a control request to the running lab, from inside or outside. @throws Error with the lab's answer */
export async function control(
  target: ControlTarget,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: controlSocket(target), method, path }, (response) => {
      text(response).then((answer) => {
        if (response.statusCode === 200) resolve(JSON.parse(answer));
        else reject(new Error(`${method} ${path}: ${answer}`));
      }, reject);
    });
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}
