import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { World } from '../../sandbox/world.ts';

/** A password with every character that some encoding changes. */
export const awkwardSecret = (): string => `p"w\\ o:r/d@%é-${randomBytes(9).toString('base64url')}`;

/**
 * Every secret of a world's runs: the planted secrets, those that the program sends, and those that the world
 * holds.
 */
export class Planted {
  readonly #values = new Map<string, string>();
  readonly #sent = new Set<string>();

  add(what: string, value: string | undefined): void {
    // Common words are no secrets, and the program masks nothing shorter.
    if (value !== undefined && value.length >= 8) this.#values.set(value, what);
  }

  get size(): number {
    return this.#values.size;
  }

  get values(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** The secrets that the program has sent, for responses that repeat them. */
  get sent(): readonly string[] {
    return [...this.#sent];
  }

  #addSent(what: string, value: string | undefined): void {
    this.add(what, value);
    if (value !== undefined && this.#values.has(value)) this.#sent.add(value);
  }

  /** Adds the credentials in a request, including those inside encoded headers. */
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

  /** Adds the access keys and the values in the cluster's Secrets. */
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
        // Access key ids, regions, dates and certificates are not secret.
        if (!/SECRET|dockerconfigjson|\.key$/.test(key)) continue;
        this.add(`${metadata.name} ${key}`, value);
        this.add(`${metadata.name} ${key}`, Buffer.from(value, 'base64').toString());
      }
    }
  }

  /** The secrets that a text contains, in any of the usual encodings. */
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
