import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { dockerConfigCredentials } from '../../../../src/clients/registry/docker-config.ts';

const password = randomBytes(12).toString('hex');
const auth = Buffer.from(`me:${password}`).toString('base64');

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'docker-config-'));
  mkdirSync(join(home, '.docker'));
});
afterEach(() => rmSync(home, { recursive: true }));

const find = (host: string, env: NodeJS.ProcessEnv = {}) =>
  dockerConfigCredentials({ HOME: home, PATH: `${home}:${process.env['PATH'] ?? ''}`, ...env }).find(host);
/** USER:PASSWORD, or undefined for an anonymous request. */
const loginTo = async (host: string, env?: NodeJS.ProcessEnv) => {
  const found = await find(host, env);
  return found && `${found.username}:${found.password.reveal()}`;
};
const configure = (config: object | string) =>
  writeFileSync(
    join(home, '.docker', 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
/** A credential helper that records its call and then runs the script. */
const install = (script: string) => {
  const file = join(home, 'docker-credential-test');
  writeFileSync(file, `#!/bin/sh\necho "$@" > ${home}/arguments\ncat > ${home}/input\n${script}\n`);
  chmodSync(file, 0o755);
};

describe("logins in Docker's configuration", () => {
  test.each([
    ['ghcr.io', 'ghcr.io'],
    ['https://ghcr.io/v1/', 'ghcr.io'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['127.0.0.1:5000', '127.0.0.1:5000'],
  ])('%s is the login to %s', async (server, host) => {
    configure({ auths: { [server]: { auth } } });
    const found = await find(host);
    expect([found?.username, found?.password.reveal()]).toEqual(['me', password]);
  });

  test('there is none for other hosts, or without a file', async () => {
    expect(await find('ghcr.io')).toBeUndefined();
    configure({ auths: { 'quay.io': { auth } } });
    expect(await find('ghcr.io')).toBeUndefined();
  });

  test('an identity token is recognized', async () => {
    configure({ auths: { 'ghcr.io': { identitytoken: password } } });
    expect(await find('ghcr.io')).toMatchObject({ isIdentityToken: true });
  });

  test('a file that is not JSON is an error', async () => {
    configure('{');
    await expect(find('ghcr.io')).rejects.toMatchObject({ code: 'config-unreadable' });
  });
});

describe("a key of Docker's configuration", () => {
  it.each([
    'https://index.docker.io/v1/',
    'https://index.docker.io/v1',
    'https://index.docker.io/v2/',
    'index.docker.io',
    'docker.io',
    'https://docker.io',
    'registry-1.docker.io',
  ])('%s stands for Docker Hub', async (key) => {
    configure({ auths: { [key]: { auth } } });
    expect(await loginTo('docker.io')).toBe(`me:${password}`);
  });

  it('takes precedence over other keys of the same host if it is the exact key', async () => {
    const other = Buffer.from('other:one').toString('base64');
    configure({ auths: { 'https://ghcr.io/v1/': { auth: other }, 'ghcr.io': { auth } } });
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
    configure({ auths: { 'index.docker.io': { auth: other }, 'https://index.docker.io/v1/': { auth } } });
    expect(await loginTo('docker.io')).toBe(`me:${password}`);
  });

  it.each(['http://host.test:5000/v2/', 'https://name@host.test:5000', 'host.test:5000/team'])(
    '%s stands for host.test:5000 and no other port',
    async (key) => {
      configure({ auths: { [key]: { auth } } });
      expect(await loginTo('host.test:5000')).toBe(`me:${password}`);
      expect(await loginTo('host.test')).toBeUndefined();
    },
  );

  it('may differ in case when Docker defines its name', async () => {
    configure({ Auths: { 'ghcr.io': { Auth: auth } } });
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
  });
});

describe("values of Docker's configuration", () => {
  it.each([
    ['an empty file', ''],
    ['the document null', 'null'],
    ['no logins and no store', '{"auths": null, "credsStore": ""}'],
    ['nothing but nulls', '{"auths": {"ghcr.io": null}, "credHelpers": null, "credsStore": null}'],
    ['an entry without a login', '{"auths": {"ghcr.io": {}}}'],
    ['an entry of nulls', '{"auths": {"ghcr.io": {"auth": null, "identitytoken": null}}}'],
    ['a login without a password', `{"auths": {"ghcr.io": {"auth": "${btoa('me:')}"}}}`],
    ['a user without a password', '{"auths": {"ghcr.io": {"username": "me"}}}'],
    ['a name that every object has', '{"auths": {}, "credHelpers": {}}', 'constructor'],
  ])('contain no login with %s', async (_, content, host = 'ghcr.io') => {
    configure(content);
    expect(await find(host)).toBeUndefined();
  });

  it.each([
    ['[]', 'the logins', 'it is not a JSON object'],
    ['"text"', 'the logins', 'it is not a JSON object'],
    ['{"auths": []}', 'auths', 'it is not a JSON object'],
    ['{"auths": {"ghcr.io": "text"}}', 'auths["ghcr.io"]', 'it is not a JSON object'],
    ['{"auths": {"ghcr.io": {"auth": 12}}}', 'auths["ghcr.io"].auth', 'it is not a string'],
    ['{"auths": {"ghcr.io": {"identitytoken": {}}}}', 'auths["ghcr.io"].identitytoken', 'it is not a string'],
    ['{"auths": {"ghcr.io": {"username": 1}}}', 'auths["ghcr.io"].username', 'it is not a string'],
    ['{"credsStore": 5}', 'credsStore', 'it is not a string'],
    ['{"credHelpers": "x"}', 'credHelpers', 'it is not a JSON object'],
    ['{"credHelpers": {"ghcr.io": true}}', 'credHelpers["ghcr.io"]', 'it is not a string'],
    ['{"auths": {"ghcr.io": {"auth": "me:secret"}}}', 'auths["ghcr.io"].auth', 'USER:PASSWORD in base64'],
    [`{"auths": {"ghcr.io": {"auth": "${btoa('nocolon')}"}}}`, 'auths["ghcr.io"].auth', 'USER:PASSWORD'],
    [`{"auths": {"ghcr.io": {"auth": "${btoa(':word')}"}}}`, 'auths["ghcr.io"].auth', 'USER:PASSWORD'],
    ['{"auths": {"ghcr.io": {"registrytoken": "a\\nb"}}}', 'auths["ghcr.io"].registrytoken', 'in a header'],
  ])('%s are rejected, with the file and the key', async (content, path, why) => {
    configure(content);
    await expect(find('ghcr.io')).rejects.toMatchObject({
      code: 'config-invalid',
      what: `could not read ${path} in ${join(home, '.docker', 'config.json')}`,
      why: expect.stringContaining(why) as string,
    });
  });

  it('that are invalid for one host do not affect the others', async () => {
    configure({ auths: { 'quay.io': { auth: 12 }, 'ghcr.io': { auth } } });
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
  });

  it('may contain a user and a password in plain text', async () => {
    configure({ auths: { 'ghcr.io': { username: 'me', password } } });
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
  });

  it('may contain a token for the registry, which takes precedence over everything else', async () => {
    configure({ auths: { 'ghcr.io': { auth, identitytoken: 'other', registrytoken: password } } });
    expect(await find('ghcr.io')).toMatchObject({ isRegistryToken: true });
    expect((await find('ghcr.io'))?.password.reveal()).toBe(password);
  });
});

describe("the location of Docker's configuration", () => {
  it('is the folder DOCKER_CONFIG', async () => {
    const folder = join(home, 'elsewhere');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { 'ghcr.io': { auth } } }));
    expect(await loginTo('ghcr.io', { DOCKER_CONFIG: folder })).toBe(`me:${password}`);
  });

  it('must be a folder, and the error names a file', async () => {
    configure({});
    const file = join(home, '.docker', 'config.json');
    await expect(find('ghcr.io', { DOCKER_CONFIG: file })).rejects.toMatchObject({
      code: 'config-unreadable',
      why: expect.stringContaining('DOCKER_CONFIG names a file') as string,
    });
  });

  it('is DOCKER_AUTH_CONFIG instead of the file, for the hosts in that variable', async () => {
    const DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { 'ghcr.io': { auth: btoa('ci:ci-password') } } });
    configure({ auths: { 'ghcr.io': { auth }, 'quay.io': { auth } } });
    expect(await loginTo('ghcr.io', { DOCKER_AUTH_CONFIG })).toBe('ci:ci-password');
    expect(await loginTo('quay.io', { DOCKER_AUTH_CONFIG })).toBe(`me:${password}`);
  });

  it.each([
    ['{', 'config-unreadable', 'the registry logins in DOCKER_AUTH_CONFIG'],
    ['{"auths": {"ghcr.io": {"auth": 12}}}', 'config-invalid', 'auths["ghcr.io"].auth in DOCKER_AUTH_CONFIG'],
  ])(
    'is named in the error when it is the variable, which contains %s',
    async (DOCKER_AUTH_CONFIG, code, where) => {
      await expect(find('ghcr.io', { DOCKER_AUTH_CONFIG })).rejects.toMatchObject({
        code,
        what: `could not read ${where}`,
      });
    },
  );
});

describe('a credential helper', () => {
  test('receives the server on its standard input, and not in its arguments', async () => {
    configure({ credHelpers: { 'ghcr.io': 'test' } });
    install(`echo '{"Username":"me","Secret":"${password}"}'`);
    const found = await find('ghcr.io');
    expect([found?.username, found?.password.reveal()]).toEqual(['me', password]);
    expect(readFileSync(join(home, 'arguments'), 'utf8').trim()).toBe('get');
    expect(readFileSync(join(home, 'input'), 'utf8')).toBe('ghcr.io');
  });

  test('receives the old name of Docker Hub', async () => {
    configure({ credsStore: 'test' });
    install(`echo '{"Username":"<token>","Secret":"${password}"}'`);
    expect(await find('docker.io')).toMatchObject({ isIdentityToken: true });
    expect(readFileSync(join(home, 'input'), 'utf8')).toBe('https://index.docker.io/v1/');
  });

  test('that has no login leaves the request anonymous', async () => {
    configure({ credsStore: 'test' });
    install('echo "credentials not found in native keychain"; exit 1');
    expect(await find('ghcr.io')).toBeUndefined();
  });

  test('that fails causes an error with its own message', async () => {
    configure({ credsStore: 'test' });
    install('echo "the key chain is locked" >&2; exit 1');
    await expect(find('ghcr.io')).rejects.toMatchObject({
      code: 'registry-denied',
      why: 'the key chain is locked',
    });
  });

  test('that is not installed causes an error that names it', async () => {
    configure({ credsStore: 'absent' });
    await expect(find('ghcr.io')).rejects.toMatchObject({
      code: 'registry-denied',
      why: 'docker-credential-absent is not installed',
      hint: expect.stringContaining('docker-credential-absent') as string,
    });
  });

  test('never has its output quoted in an error', async () => {
    configure({ credsStore: 'test' });
    install(`echo 'password ${password}'`);
    const error = await find('ghcr.io').catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error)).not.toContain(password);
  });

  it.each(['index.docker.io', 'https://index.docker.io/v1/', 'docker.io'])(
    'for %s is used for Docker Hub',
    async (key) => {
      configure({ credHelpers: { [key]: 'test' }, credsStore: 'absent' });
      install(`echo '{"Username":"me","Secret":"${password}"}'`);
      expect(await loginTo('docker.io')).toBe(`me:${password}`);
    },
  );

  it('of one host takes precedence over the one for all hosts, and an empty name means the file', async () => {
    configure({ credHelpers: { 'ghcr.io': '' }, credsStore: 'absent', auths: { 'ghcr.io': { auth } } });
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
  });

  it('that has no login prevents the use of a login in the file', async () => {
    configure({ credsStore: 'test', auths: { 'ghcr.io': { auth } } });
    install('echo "credentials not found in native keychain"; exit 1');
    expect(await find('ghcr.io')).toBeUndefined();
  });

  it('that is missing or fails does not prevent the use of a login in the file', async () => {
    configure({ credsStore: 'absent', auths: { 'ghcr.io': { auth } } });
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
    configure({ credsStore: 'test', auths: { 'ghcr.io': { auth } } });
    install('echo "the key chain is locked" >&2; exit 1');
    expect(await loginTo('ghcr.io')).toBe(`me:${password}`);
  });

  it.each(['null', '{}', '{"Username":"","Secret":"word"}', '{"Username":"me","Secret":""}', '[]', '5'])(
    'that prints %s leaves the request anonymous',
    async (answer) => {
      configure({ credsStore: 'test' });
      install(`echo '${answer}'`);
      expect(await find('ghcr.io')).toBeUndefined();
    },
  );
});
