import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { World } from '../../sandbox/world.ts';

/** A password with everything that some encoding or other writes differently. */
export const awkward = (): string => `p"w\\ o:r/d@%é-${randomBytes(9).toString('base64url')}`;

/**
 * Every secret of a world's runs: those that were planted, those that the program was seen to send, and those that
 * the world holds.
 */
export class Planted {
  readonly #values = new Map<string, string>();
  readonly #sent = new Set<string>();

  add(what: string, value: string | undefined): void {
    // Words of everyday texts are no secrets, and nothing shorter is masked.
    if (value !== undefined && value.length >= 8) this.#values.set(value, what);
  }

  get size(): number {
    return this.#values.size;
  }

  get values(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** Those that the program has sent, so that an answer may repeat them. */
  get sent(): readonly string[] {
    return [...this.#sent];
  }

  #addSent(what: string, value: string | undefined): void {
    this.add(what, value);
    if (value !== undefined && this.#values.has(value)) this.#sent.add(value);
  }

  /** What a request shows of its sender, also inside the encodings of its headers. */
  addFrom({ headers }: IncomingMessage): void {
    for (const name of ['authorization', 'proxy-authorization']) {
      const [scheme = '', given = ''] = String(headers[name] ?? '').split(' ');
      if (/^(basic|bearer)$/i.test(scheme)) this.#addSent(`${name} header`, given);
      if (!/^basic$/i.test(scheme)) continue;
      const login = Buffer.from(given, 'base64').toString();
      this.#addSent('password of a login', login.slice(login.indexOf(':') + 1));
    }
    this.#addSent('session token', headers['x-amz-security-token']?.toString());
    this.#addSent('login for a Docker engine', headers['x-registry-auth']?.toString());
  }

  /** Access keys, and what the cluster's Secrets hold. */
  addFromState({ aws, cluster }: World): void {
    for (const { secret, sessionToken } of aws.identities.keys.values()) {
      this.add('secret access key', secret);
      this.add('session token', sessionToken);
    }
    for (const { data, metadata } of cluster.list('Secret') as {
      data?: object;
      metadata: { name: string };
    }[]) {
      for (const [key, value] of Object.entries((data ?? {}) as Record<string, string>)) {
        // Access key ids, regions, dates and certificates may be shown.
        if (!/SECRET|dockerconfigjson|\.key$/.test(key)) continue;
        this.add(`${metadata.name} ${key}`, value);
        this.add(`${metadata.name} ${key}`, Buffer.from(value, 'base64').toString());
      }
    }
  }

  /** Which of them a text holds, in any of the forms in which texts write them. */
  in(text: string): string[] {
    return [...this.#values].flatMap(([value, what]) => {
      const forms = {
        plain: value,
        JSON: JSON.stringify(value).slice(1, -1),
        URL: encodeURIComponent(value),
        base64: Buffer.from(value).toString('base64'),
      };
      const found = Object.entries(forms).find(([, form]) => text.includes(form));
      return found ? [`${what} (${found[0]})`] : [];
    });
  }
}
