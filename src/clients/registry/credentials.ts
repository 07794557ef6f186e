import { BootstrapError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';

/** What to authenticate with: a password, or an identity token, which the registry's token service accepts instead. */
export interface Credential {
  readonly username: string;
  readonly password: Secret;
  /** The password is an OAuth2 refresh token. Credential helpers mark one with the user name `<token>`. */
  readonly isIdentityToken?: boolean;
  /** The password is a bearer token for the registry itself. */
  readonly isRegistryToken?: boolean;
}

/** A source of credentials for registry hosts. */
export interface CredentialStore {
  /**
   * @param host as in references: `docker.io`, `ghcr.io`, `127.0.0.1:5000`
   * @returns undefined for anonymous access
   */
  find(host: string): Promise<Credential | undefined>;
}

/** The command for a hint, in backquotes. @param server a host, or the address of Docker Hub in Docker's files */
export const loginCommand = (server: string): string =>
  /^(docker\.io$|https:\/\/index\.docker\.io\/)/.test(server)
    ? '`docker login`'
    : `\`docker login ${server}\``;

/**
 * A credential helper is missing or fails. Docker then pulls without a login, which is enough for public images.
 * So this error matters only when the registry rejects the request.
 */
export class HelperError extends BootstrapError {
  override readonly name = 'HelperError';
}

/**
 * Runs `attempt` with the login to a host, or without a login if its helper fails.
 * @throws HelperError if its helper failed and the registry rejects the request
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

/** The credentials for one host. */
export interface HostCredential {
  /** @param refused a credential that the registry rejected, so a newer one is needed */
  credential(refused?: Credential): Promise<Credential | undefined>;
  /** The host is known to accept Basic, so no unauthenticated request is needed first. */
  readonly preemptive?: boolean;
  /** What to do when the registry rejects the request, for error messages. */
  readonly hint: string;
  /** A more specific hint for some of the registry's messages. */
  readonly hintFor?: (message: string) => string | undefined;
}

/** The value of an Authorization header. Redacted, because a server may repeat it in an error message. */
export const basicHeader = ({ username, password }: Credential): string =>
  `Basic ${new Secret(Buffer.from(`${username}:${password.reveal()}`).toString('base64')).reveal()}`;
