import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withLogin } from '../../../src/clients/registry/credentials.ts';
import { dockerConfigCredentials } from '../../../src/clients/registry/docker-config.ts';

const hasDocker = spawnSync('docker', ['--version']).status === 0;

let folder: string;
let engine: Server;
/** The login that the docker command passes to the engine for the registry. */
let shown: Record<string, string> | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'docker-logins-'));
  // Stands in for an engine. The docker command chooses the login and sends it in this header.
  engine = createServer((request, response) => {
    const header = request.headers['x-registry-auth'];
    if (request.url?.includes('/images/create')) {
      shown = JSON.parse(Buffer.from(String(header), 'base64url').toString()) as Record<string, string>;
    }
    response.setHeader('api-version', '1.44');
    response.end('{}');
  });
  await new Promise<void>((resolve) => engine.listen(join(folder, 'engine.sock'), resolve));
  const answers = `{"Username":"from-helper","Secret":"word"}`;
  const helpers = {
    works: `echo '${answers}'`,
    'knows-nothing': 'echo "credentials not found in native keychain"; exit 1',
    fails: 'echo "pass store is uninitialized" >&2; exit 1',
    babbles: 'echo hello',
    'has-token': `echo '{"Username":"<token>","Secret":"word"}'`,
  };
  for (const [name, script] of Object.entries(helpers)) {
    const file = join(folder, `docker-credential-${name}`);
    writeFileSync(file, `#!/bin/sh\ncat > /dev/null\n${script}\n`);
    chmodSync(file, 0o755);
  }
});
afterAll(() => {
  engine.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => void (shown = undefined));

const environment = () => ({
  DOCKER_CONFIG: folder,
  HOME: folder,
  PATH: `${folder}:${process.env['PATH'] ?? ''}`,
});

/** The login that the docker command uses for an image. */
async function dockerLogin(image: string): Promise<string> {
  const args = ['--host', `unix://${join(folder, 'engine.sock')}`, 'pull', image];
  await promisify(execFile)('docker', args, { env: environment() });
  const { username, password, identitytoken, registrytoken } = shown ?? {};
  if (registrytoken) return `registry token ${registrytoken}`;
  if (identitytoken) return `identity token ${identitytoken}`;
  return username && password ? `${username}:${password}` : 'anonymous';
}

async function found(host: string): Promise<string> {
  return withLogin(dockerConfigCredentials(environment()), host, (login) => {
    if (!login) return Promise.resolve('anonymous');
    const password = login.password.reveal();
    const kind = login.isRegistryToken ? 'registry token' : login.isIdentityToken && 'identity token';
    return Promise.resolve(kind ? `${kind} ${password}` : `${login.username}:${password}`);
  });
}

const auth = Buffer.from('user:word').toString('base64');
const images = {
  'ghcr.io': 'ghcr.io/team/app:1',
  'docker.io': 'nginx:1',
  'host.test:5000': 'host.test:5000/app:1',
};
type Host = keyof typeof images;

const cases: readonly (readonly [Host, string, unknown])[] = [
  ['ghcr.io', 'user:word', { auths: { 'ghcr.io': { auth } } }],
  ['ghcr.io', 'user:word', { auths: { 'https://ghcr.io/v1/': { auth } } }],
  ['ghcr.io', 'user:word', { auths: { 'ghcr.io/other': { auth } } }],
  ['ghcr.io', 'user:word', { Auths: { 'ghcr.io': { Auth: auth } } }],
  ['ghcr.io', 'user:word', { auths: { 'ghcr.io': { username: 'user', password: 'word' } } }],
  ['ghcr.io', 'user:word', { credsStore: 'missing', auths: { 'ghcr.io': { auth } } }],
  [
    'ghcr.io',
    'user:word',
    { credsStore: 'works', credHelpers: { 'ghcr.io': '' }, auths: { 'ghcr.io': { auth } } },
  ],
  ['ghcr.io', 'identity token T', { auths: { 'ghcr.io': { auth, identitytoken: 'T' } } }],
  ['ghcr.io', 'registry token T', { auths: { 'ghcr.io': { registrytoken: 'T' } } }],
  ['ghcr.io', 'from-helper:word', { credsStore: 'works' }],
  ['ghcr.io', 'from-helper:word', { credHelpers: { 'ghcr.io': 'works' }, credsStore: 'knows-nothing' }],
  ['ghcr.io', 'identity token word', { credsStore: 'has-token' }],
  ['ghcr.io', 'anonymous', { credsStore: 'knows-nothing', auths: { 'ghcr.io': { auth } } }],
  ['ghcr.io', 'anonymous', { auths: { 'ghcr.io': { auth: Buffer.from('user:').toString('base64') } } }],
  ['ghcr.io', 'anonymous', { auths: { 'ghcr.io': null }, credHelpers: null, credsStore: null }],
  ['ghcr.io', 'anonymous', { auths: null, credsStore: '' }],
  ['ghcr.io', 'anonymous', { auths: { 'ghcr.io:443': { auth } } }],
  ['ghcr.io', 'anonymous', { credsStore: 'missing' }],
  ['ghcr.io', 'anonymous', { credsStore: 'fails' }],
  ['docker.io', 'anonymous', { credsStore: 'babbles' }],
  ['ghcr.io', 'anonymous', null],
  ['ghcr.io', 'anonymous', ''],
  ['host.test:5000', 'user:word', { auths: { 'http://host.test:5000/v2/': { auth } } }],
  ['host.test:5000', 'anonymous', { auths: { 'host.test': { auth } } }],
  ['docker.io', 'user:word', { auths: { 'https://index.docker.io/v1/': { auth } } }],
  ['docker.io', 'from-helper:word', { credHelpers: { 'https://index.docker.io/v1/': 'works' } }],
  ['docker.io', 'anonymous', { auths: { 'ghcr.io': { auth } } }],
];

const configure = (config: unknown) =>
  writeFileSync(join(folder, 'config.json'), config === '' ? '' : JSON.stringify(config));

describe.skipIf(!hasDocker)('the docker command', () => {
  it.each(cases)(
    'uses the same login for %s as ecr-bootstrap: %s, with %j',
    async (host, expected, config) => {
      configure(config);
      expect(await found(host)).toBe(expected);
      expect(await dockerLogin(images[host])).toBe(expected);
    },
  );

  // The kubelet and Podman accept these keys for Docker Hub, and users who write them mean its login.
  it.each(['index.docker.io', 'https://index.docker.io/v2/', 'https://index.docker.io/v1', 'docker.io'])(
    'does not accept %s for Docker Hub, but ecr-bootstrap does',
    async (key) => {
      configure({ auths: { [key]: { auth } } });
      expect(await found('docker.io')).toBe('user:word');
      expect(await dockerLogin('nginx:1')).toBe('anonymous');
    },
  );
});
