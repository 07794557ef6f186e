import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dockerConfigCredentials } from '../../../src/registry/docker-config.ts';

const password = randomBytes(12).toString('hex');
const auth = Buffer.from(`me:${password}`).toString('base64');

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'docker-config-'));
  mkdirSync(join(home, '.docker'));
});
afterEach(() => rmSync(home, { recursive: true }));

const find = (host: string) =>
  dockerConfigCredentials({ HOME: home, PATH: `${home}:${process.env['PATH'] ?? ''}` }).find(host);
const configure = (config: object | string) =>
  writeFileSync(
    join(home, '.docker', 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
/** A credential helper that notes how it was called and then does as the script says. */
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

  test('none is there for other hosts, or without any file', async () => {
    expect(await find('ghcr.io')).toBeUndefined();
    configure({ auths: { 'quay.io': { auth } } });
    expect(await find('ghcr.io')).toBeUndefined();
  });

  test('an identity token is known as one', async () => {
    configure({ auths: { 'ghcr.io': { identitytoken: password } } });
    expect(await find('ghcr.io')).toMatchObject({ isIdentityToken: true });
  });

  test('a file that is not JSON is an error', async () => {
    configure('{');
    await expect(find('ghcr.io')).rejects.toMatchObject({ code: 'config-unreadable' });
  });
});

describe('a credential helper', () => {
  test('gets the server on its standard input and nothing in its arguments', async () => {
    configure({ credHelpers: { 'ghcr.io': 'test' } });
    install(`echo '{"Username":"me","Secret":"${password}"}'`);
    const found = await find('ghcr.io');
    expect([found?.username, found?.password.reveal()]).toEqual(['me', password]);
    expect(readFileSync(join(home, 'arguments'), 'utf8').trim()).toBe('get');
    expect(readFileSync(join(home, 'input'), 'utf8')).toBe('ghcr.io');
  });

  test('is asked for Docker Hub by its old name', async () => {
    configure({ credsStore: 'test' });
    install(`echo '{"Username":"<token>","Secret":"${password}"}'`);
    expect(await find('docker.io')).toMatchObject({ isIdentityToken: true });
    expect(readFileSync(join(home, 'input'), 'utf8')).toBe('https://index.docker.io/v1/');
  });

  test('that knows nothing leaves the request anonymous', async () => {
    configure({ credsStore: 'test' });
    install('echo "credentials not found in native keychain"; exit 1');
    expect(await find('ghcr.io')).toBeUndefined();
  });

  test('that fails is an error in its words', async () => {
    configure({ credsStore: 'test' });
    install('echo "the key chain is locked" >&2; exit 1');
    await expect(find('ghcr.io')).rejects.toMatchObject({
      code: 'registry-denied',
      why: 'the key chain is locked',
    });
  });

  test('that is not installed is an error that names it', async () => {
    configure({ credsStore: 'absent' });
    await expect(find('ghcr.io')).rejects.toMatchObject({
      code: 'registry-denied',
      hint: expect.stringContaining('docker-credential-absent') as string,
    });
  });

  test('never has its answer quoted in an error', async () => {
    configure({ credsStore: 'test' });
    install(`echo 'password ${password}'`);
    const error = await find('ghcr.io').catch((thrown: unknown) => thrown);
    expect(JSON.stringify(error)).not.toContain(password);
  });
});
