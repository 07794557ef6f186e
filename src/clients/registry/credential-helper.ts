import { reasonOf } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { type SubprocessResult, runSubprocess } from '../../core/subprocess.ts';
import { type Credential, HelperError, loginCommand } from './credentials.ts';

/** Timeout in milliseconds. A helper may ask the user to unlock a keychain. */
const timeoutMs = 60_000;
/** What Docker's own helpers print when they have no login for a server. */
const noLogin = /credentials not found|no credentials (?:server|username)|not found in native keychain/i;

/**
 * Gets a login from a program `docker-credential-NAME`. The server goes to its standard input and the login comes
 * from its standard output, so the process list shows no secrets.
 * @throws HelperError
 */
export async function askHelper(
  name: string,
  server: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Credential | undefined> {
  const program = `docker-credential-${name}`;
  const { status, stdout, stderr } = await run(program, server, env);
  if (status !== 0) {
    const why = (stdout.trim() || stderr.trim() || `it ended with status ${status}`).split('\n', 1)[0] ?? '';
    if (noLogin.test(why)) return undefined;
    throw failed(program, server, why);
  }
  return read(stdout, program, server);
}

function read(output: string, program: string, server: string): Credential | undefined {
  let answer: Record<string, unknown> | null;
  try {
    answer = JSON.parse(output) as Record<string, unknown> | null;
  } catch {
    // The parser's message would quote the output, which may contain a password.
    throw failed(program, server, 'its answer is not JSON');
  }
  const { Username: username, Secret: secret } = answer ?? {};
  // Docker sends a login only if both the user name and the password are set.
  if (typeof username !== 'string' || typeof secret !== 'string' || !username || !secret) return undefined;
  const password = new Secret(secret);
  return username === '<token>' ? { username, password, isIdentityToken: true } : { username, password };
}

async function run(
  program: string,
  input: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SubprocessResult> {
  try {
    return await runSubprocess(program, { args: ['get'], env: { ...env }, input, timeoutMs });
  } catch (error) {
    throw failed(program, input, reasonOf(error), error);
  }
}

function failed(program: string, server: string, why: string, cause?: unknown): HelperError {
  const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
  return new HelperError(
    {
      code: 'registry-denied',
      what: `could not get the login to ${server} from ${program}`,
      why: isMissing ? `${program} is not installed` : why,
      hint: isMissing
        ? `Install ${program}, or remove it from credsStore and credHelpers in Docker's config.json.`
        : `Unlock or repair the credential store, then run ${loginCommand(server)}.`,
    },
    { cause },
  );
}
