import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { BootstrapError, reasonOf } from '../errors/index.ts';
import { once } from '../once.ts';
import { Secret } from '../secret.ts';
import { askHelper } from './credential-helper.ts';
import type { Credential, Credentials } from './credentials.ts';

type Environment = Readonly<Record<string, string | undefined>>;

interface Auth {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, Auth>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** The name under which Docker keeps Docker Hub's login, from before registries had names. */
const dockerHubServer = 'https://index.docker.io/v1/';

/** The logins that `docker login` keeps: in its configuration file, or with a credential helper. Each host is looked up once. */
export function dockerConfigCredentials(env: Environment): Credentials {
  const config = once(() => readConfig(env));
  const found = new Map<string, Promise<Credential | undefined>>();
  return {
    find: (host) => {
      let credential = found.get(host);
      if (!credential) {
        credential = config().then((read) => lookUp(read, host, env));
        found.set(host, credential);
      }
      return credential;
    },
  };
}

async function lookUp(config: DockerConfig, host: string, env: Environment): Promise<Credential | undefined> {
  const server = host === 'docker.io' ? dockerHubServer : host;
  const helper = config.credHelpers?.[host] ?? config.credHelpers?.[server] ?? config.credsStore;
  const kept = helper ? await askHelper(helper, server, env) : undefined;
  return kept ?? inFile(config, host, server);
}

function inFile({ auths = {} }: DockerConfig, host: string, server: string): Credential | undefined {
  const key = Object.keys(auths).find((name) => name === server || hostOf(name) === host);
  const entry = key === undefined ? undefined : auths[key];
  if (!entry) return undefined;
  if (entry.identitytoken) {
    return { username: '<token>', password: new Secret(entry.identitytoken), isIdentityToken: true };
  }
  if (entry.auth) return decode(entry.auth, host);
  if (!entry.username || entry.password === undefined) return undefined;
  return { username: entry.username, password: new Secret(entry.password) };
}

/** Old entries are URLs: `https://registry.example.com/v1/`. */
const hostOf = (name: string): string => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

function decode(auth: string, host: string): Credential {
  const text = Buffer.from(auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new BootstrapError({
      code: 'registry-denied',
      what: `read the login for ${host}`,
      why: "its entry in Docker's configuration file is not USER:PASSWORD in base64",
      hint: `Log in again: docker login ${host}`,
    });
  }
  return { username: text.slice(0, colon), password: new Secret(text.slice(colon + 1).replace(/\0+$/, '')) };
}

async function readConfig(env: Environment): Promise<DockerConfig> {
  const folder = env['DOCKER_CONFIG'] || join(env['HOME'] || homedir(), '.docker');
  const file = join(folder, 'config.json');
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DockerConfig;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new BootstrapError(
      {
        code: 'config-unreadable',
        what: `read the registry logins in ${file}`,
        why: reasonOf(error),
        hint: 'Repair the file or move it away; docker login writes a new one.',
      },
      { cause: error },
    );
  }
}
