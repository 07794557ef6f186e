import { randomBytes } from 'node:crypto';
import { AwsRefusal } from '../ports.ts';
import type { AccessKey, Identities, User } from './identities.ts';

const HOUR = 3_600_000;

/**
 * The authorization tokens of ECR. A token stops working with the key that it was issued with. AWS does not document
 * whether a token outlives its key, so the sandbox assumes the worse case for pulls.
 */
export class EcrTokens {
  /** Milliseconds of sandbox time. */
  life = 12 * HOUR;
  readonly #tokens = new Map<string, { readonly key: AccessKey; readonly expires: number }>();
  readonly #identities: Identities;

  constructor(identities: Identities) {
    this.#identities = identities;
  }

  /** Every token that was ever issued. */
  get givenOut(): string[] {
    return [...this.#tokens.keys()];
  }

  issue(key: AccessKey): { readonly token: string; readonly expires: number } {
    const token = randomBytes(96).toString('base64url');
    const expires = Math.min(this.#identities.clock.now() + this.life, key.expires ?? Infinity);
    this.#tokens.set(token, { key, expires });
    return { token, expires };
  }

  /**
   * The user of a token.
   * @returns undefined for a token that was never issued, or whose key is no longer accepted
   * @throws {AwsRefusal} `DENIED` when it has expired: ECR then responds with 403, not 401
   */
  userOf(token: string): { readonly user: User; readonly accessKeyId: string } | undefined {
    const entry = this.#tokens.get(token);
    if (!entry || !this.#identities.isAccepted(entry.key)) return undefined;
    if (entry.expires <= this.#identities.clock.now()) {
      throw new AwsRefusal(
        'DENIED',
        'Your authorization token has expired. Reauthenticate and try again.',
        403,
      );
    }
    return { user: entry.key.user, accessKeyId: entry.key.id };
  }
}
