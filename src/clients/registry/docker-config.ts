import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BootstrapError, reasonOf } from '../../core/errors.ts';
import { once, oncePerKey } from '../../core/once.ts';
import { Secret } from '../../core/secret.ts';
import { askHelper } from './credential-helper.ts';
import type { Credential, CredentialStore } from './credentials.ts';
import { tokenGrammar } from './tokens.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** A value of the configuration, with its location. */
interface ConfigEntry {
  /** The file's path, or the name of the environment variable. */
  readonly origin: string;
  /** `auths["ghcr.io"].auth` */
  readonly path: string;
  readonly value: unknown;
}

const dockerHub = {
  host: 'docker.io',
  /** The key under which Docker stores the login. It dates from before registries had names. */
  server: 'https://index.docker.io/v1/',
  /** Names that other programs write to this file. The kubelet and Podman also read them as Docker Hub. */
  names: ['index.docker.io', 'docker.io', 'registry-1.docker.io'],
};

const serverOf = (host: string): string => (host === dockerHub.host ? dockerHub.server : host);
const namesOf = (host: string): readonly string[] => (host === dockerHub.host ? dockerHub.names : [host]);

/**
 * The logins that `docker login` stores, in its configuration file or with a credential helper, and those in
 * DOCKER_AUTH_CONFIG. Each host is looked up once.
 *
 * The rules are those of docker/cli 29.7 in cli/config: configfile/file.go (LoadFromReader, decodeAuth,
 * GetCredentialsStore, parseEnvConfig) and credentials/{file_store,native_store}.go. An invalid value fails only
 * the lookups that need it; the docker command warns and then uses no login at all.
 */
export function dockerConfigCredentials(env: Environment): CredentialStore {
  const config = once(() => readConfig(env));
  return { find: oncePerKey((host) => lookUp(config, host, env)) };
}

async function lookUp(
  config: () => Promise<ConfigEntry>,
  host: string,
  env: Environment,
): Promise<Credential | undefined> {
  const variable = env['DOCKER_AUTH_CONFIG'];
  const given = variable && loginIn(parse('DOCKER_AUTH_CONFIG', variable), host);
  if (given) return given;
  const file = await config();
  const helper = helperFor(file, host);
  if (!helper) return loginIn(file, host);
  try {
    // Like Docker, does not look in the file when the helper has no login for a host.
    return await askHelper(helper, serverOf(host), env);
  } catch (error) {
    const login = loginIn(file, host);
    if (login) return login;
    throw error;
  }
}

/** The helper of a host, or else the helper for all hosts. An empty name means the file itself. */
function helperFor(config: ConfigEntry, host: string): string | undefined {
  const helpers = mapping(field(config, 'credHelpers'));
  const key = [serverOf(host), ...namesOf(host)].find((name) => Object.hasOwn(helpers.value, name));
  return text(key === undefined ? field(config, 'credsStore') : valueAt(helpers, key));
}

function loginIn(config: ConfigEntry, host: string): Credential | undefined {
  const auths = mapping(field(config, 'auths'));
  const keys = Object.keys(auths.value);
  const names = namesOf(host);
  const key =
    keys.find((name) => name === serverOf(host)) ?? keys.find((name) => names.includes(hostOf(name)));
  if (key === undefined) return undefined;
  const entry = mapping(valueAt(auths, key));
  const registryToken = text(field(entry, 'registrytoken'));
  if (registryToken) return tokenCredential(field(entry, 'registrytoken'), registryToken);
  const identityToken = text(field(entry, 'identitytoken'));
  if (identityToken) {
    return { username: '<token>', password: new Secret(identityToken), isIdentityToken: true };
  }
  const auth = text(field(entry, 'auth'));
  const [username, password] = auth
    ? decode(field(entry, 'auth'), auth)
    : [text(field(entry, 'username')), text(field(entry, 'password'))];
  // Docker sends a login only if both the user name and the password are set.
  return username && password ? { username, password: new Secret(password) } : undefined;
}

/** Old keys are URLs, for example `https://registry.example.com/v1/`. */
const hostOf = (key: string): string =>
  key.replace(/^[a-z][a-z0-9+.-]*:\/\/([^/@]*@)?/i, '').replace(/[/?#].*$/s, '');

function tokenCredential(part: ConfigEntry, token: string): Credential {
  const password = new Secret(token);
  if (!tokenGrammar.test(token)) throw invalid(part, 'it cannot be sent in a header');
  return { username: '<token>', password, isRegistryToken: true };
}

function decode(part: ConfigEntry, auth: string): readonly [string, string] {
  new Secret(auth);
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(
    auth.replace(/[\r\n]/g, ''),
  );
  const decoded = Buffer.from(auth, 'base64').toString();
  const colon = decoded.indexOf(':');
  if (!isBase64 || colon < 1) throw invalid(part, 'it is not USER:PASSWORD in base64');
  return [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/^\0+|\0+$/g, '')];
}

type Mapping = ConfigEntry & { readonly value: Readonly<Record<string, unknown>> };

const mapping = (part: ConfigEntry): Mapping => {
  const value = part.value ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid(part, 'it is not a JSON object');
  return { ...part, value: value as Mapping['value'] };
};

/** A field that Docker itself defines. Go's decoder ignores the case of its name. */
function field(parent: ConfigEntry, name: string): ConfigEntry {
  const { value, origin, path } = mapping(parent);
  const keys = Object.keys(value);
  const key =
    keys.find((known) => known === name) ?? keys.find((known) => known.toLowerCase() === name.toLowerCase());
  return { origin, path: path ? `${path}.${name}` : name, value: key === undefined ? undefined : value[key] };
}

const valueAt = ({ value, origin, path }: Mapping, key: string): ConfigEntry => ({
  origin,
  path: `${path}[${JSON.stringify(key)}]`,
  value: value[key],
});

function text(part: ConfigEntry): string | undefined {
  const value = part.value ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw invalid(part, 'it is not a string');
  return value;
}

const invalid = ({ origin, path }: ConfigEntry, why: string): BootstrapError =>
  new BootstrapError({
    code: 'config-invalid',
    what: `could not read ${path || 'the logins'} in ${origin}`,
    why,
    hint: 'Correct or remove the value; docker login writes a new one.',
  });

/** Like Docker, reads an empty text as an empty configuration. */
const parse = (origin: string, content: string): ConfigEntry => {
  try {
    return { origin, path: '', value: content.trim() === '' ? undefined : JSON.parse(content) };
  } catch (error) {
    throw unreadable(origin, error);
  }
};

async function readConfig(env: Environment): Promise<ConfigEntry> {
  const folder = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker');
  const file = join(folder, 'config.json');
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { origin: file, path: '', value: undefined };
    throw code === 'ENOTDIR' ? notAFolder(folder) : unreadable(file, error);
  }
  return parse(file, content);
}

function unreadable(origin: string, error: unknown): BootstrapError {
  return new BootstrapError(
    {
      code: 'config-unreadable',
      what: `could not read the registry logins in ${origin}`,
      why: reasonOf(error),
      hint: 'Correct it or remove it; docker login writes a new one.',
    },
    { cause: error },
  );
}

const notAFolder = (folder: string): BootstrapError =>
  new BootstrapError({
    code: 'config-unreadable',
    what: `could not read the registry logins in ${folder}`,
    why: 'DOCKER_CONFIG names a file, and Docker expects the folder that holds config.json',
    hint: 'Correct it: export DOCKER_CONFIG="$HOME/.docker"',
  });
