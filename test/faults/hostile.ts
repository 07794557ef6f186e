import type { IncomingMessage, ServerResponse } from 'node:http';
import type { World } from '../../sandbox/world.ts';
import type { Planted } from './planted.ts';

/**
 * Makes hosts of a world deny requests, each in its own protocol. Each message repeats every secret that was ever
 * sent to any host.
 */
export class Hostile {
  readonly #planted: Planted;
  #host: RegExp | undefined;
  #from = 1;
  #count = 0;
  /** The number of denied requests. */
  refused = 0;

  constructor(world: World, planted: Planted) {
    this.#planted = planted;
    for (const [host, listener] of world.hosts) {
      world.hosts.set(host, (request, response) => {
        planted.addFrom(request);
        if (this.#isTurn(host)) void this.#refuse(host, request, response);
        else listener(request, response);
      });
    }
  }

  /** Makes the matching hosts deny requests, starting with their n-th request from now. */
  become(host: RegExp, from: number): void {
    this.#host = host;
    this.#from = from;
    this.#count = 0;
    this.refused = 0;
  }

  #isTurn(host: string): boolean {
    if (!this.#host?.test(host)) return false;
    this.#count += 1;
    return this.#count >= this.#from;
  }

  async #refuse(host: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.refused += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const all = [JSON.stringify(request.headers), Buffer.concat(chunks).toString(), ...this.#planted.sent];
    const { type, body } = refusal(host, `cannot be done: ${all.join(' ')}`);
    response.writeHead(403, { 'content-type': type, 'x-amzn-requestid': 'hostile' }).end(body);
  }
}

function refusal(host: string, message: string): { type: string; body: string } {
  const json = (value: object) => ({ type: 'application/json', body: JSON.stringify(value) });
  if (/^(iam|sts)\./.test(host)) {
    const text = message.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
    const error = `<Error><Type>Sender</Type><Code>AccessDenied</Code><Message>${text}</Message></Error>`;
    return {
      type: 'text/xml',
      body: `<ErrorResponse>${error}<RequestId>hostile</RequestId></ErrorResponse>`,
    };
  }
  if (/^(api\.ecr|secretsmanager)\./.test(host)) return json({ __type: 'AccessDeniedException', message });
  if (host.startsWith('cluster.')) {
    return json({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code: 403,
      reason: 'Forbidden',
      message,
    });
  }
  return json({ errors: [{ code: 'DENIED', message }] });
}
