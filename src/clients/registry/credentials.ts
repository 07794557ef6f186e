import { BootstrapError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';

/** What a registry is shown: a user's password, or an identity token that its token service takes instead. */
export interface Credential {
  readonly username: string;
  readonly password: Secret;
  /** The password is an OAuth2 refresh token: helpers say so by the user name `<token>`. */
  readonly isIdentityToken?: boolean;
  /** The password is a bearer token, which the registry itself takes. */
  readonly isRegistryToken?: boolean;
}

/** Where credentials for a registry host come from. Undefined: ask anonymously. */
export interface CredentialStore {
  /** @param host as it stands in references: `docker.io`, `ghcr.io`, `127.0.0.1:5000` */
  find(host: string): Promise<Credential | undefined>;
}

/**
 * A credential helper is missing or fails. Docker then pulls without a login, which is all that public images need, so this
 * error matters only when the registry refuses.
 */
export class HelperError extends BootstrapError {
  override readonly name = 'HelperError';
}

/**
 * Runs `attempt` with the login to a host, or without one where its helper fails.
 * @throws HelperError in place of the registry's refusal then
 */
export async function withLogin<T>(
  credentials: CredentialStore,
  host: string,
  attempt: (credential: Credential | undefined) => Promise<T>,
): Promise<T> {
  let failure: HelperError | undefined;
  const credential = await credentials.find(host).catch((error: unknown) => {
    if (!(error instanceof HelperError)) throw error;
    failure = error;
    return undefined;
  });
  try {
    return await attempt(credential);
  } catch (error) {
    const isDenied = error instanceof BootstrapError && error.code === 'registry-denied';
    throw isDenied ? (failure ?? error) : error;
  }
}

/** Who we are at one host. */
export interface HostCredential {
  /** @param refused one that the registry did not take (again): something newer is wanted */
  credential(refused?: Credential): Promise<Credential | undefined>;
  /** Set when the host is known to take Basic: then no request is spent on asking. */
  readonly preemptive?: boolean;
  /** What to do when the registry refuses, for error messages. */
  readonly hint: string;
  /** The same, where the registry's own words say more. */
  readonly hintFor?: (message: string) => string | undefined;
}

/** The value of an Authorization header. A server may repeat it in its refusal, so its text counts as a secret too. */
export const basicHeader = ({ username, password }: Credential): string =>
  `Basic ${new Secret(Buffer.from(`${username}:${password.reveal()}`).toString('base64')).reveal()}`;
