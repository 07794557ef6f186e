import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveAddress } from '../../../../src/clients/docker/resolve.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'docker-address-'));
});

afterEach(() => rm(home, { recursive: true }));

const write = async (path: string, text: string): Promise<void> => {
  const file = join(home, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, text);
};

const folderOf = (context: string): string => createHash('sha256').update(context).digest('hex');

const addContext = (name: string, docker: object): Promise<void> =>
  write(
    `.docker/contexts/meta/${folderOf(name)}/meta.json`,
    JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker } }),
  );

const useContext = (name: string): Promise<void> =>
  write('.docker/config.json', JSON.stringify({ auths: {}, currentContext: name }));

describe('the address of the Docker engine', () => {
  it('is the given one, which takes precedence over everything else', async () => {
    const env = { DOCKER_HOST: 'tcp://elsewhere:2375', DOCKER_CONTEXT: 'none' };
    const address = await resolveAddress({ host: 'unix:///given.sock', env, home });
    expect(address).toEqual({ url: 'unix:///given.sock', origin: 'given address' });
  });

  it('is DOCKER_HOST before any context', async () => {
    await addContext('colima', { Host: 'unix:///colima.sock' });
    const env = { DOCKER_HOST: 'tcp://elsewhere:2375', DOCKER_CONTEXT: 'colima' };
    expect(await resolveAddress({ env, home })).toEqual({
      url: 'tcp://elsewhere:2375',
      origin: 'DOCKER_HOST',
    });
  });

  it('uses tcp for a DOCKER_HOST without a scheme', async () => {
    const { url } = await resolveAddress({ env: { DOCKER_HOST: 'elsewhere:2375' }, home });
    expect(url).toBe('tcp://elsewhere:2375');
  });

  it('is that of DOCKER_CONTEXT before the current context', async () => {
    await addContext('colima', { Host: 'unix:///colima.sock' });
    await addContext('desktop', { Host: 'unix:///desktop.sock' });
    await useContext('desktop');
    const address = await resolveAddress({ env: { DOCKER_CONTEXT: 'colima' }, home });
    expect(address).toEqual({ url: 'unix:///colima.sock', origin: 'context "colima"' });
  });

  it('is that of the current context of the docker config', async () => {
    await addContext('desktop', { Host: 'unix:///desktop.sock' });
    await useContext('desktop');
    expect((await resolveAddress({ env: {}, home })).url).toBe('unix:///desktop.sock');
  });

  it('is looked up in the contexts of DOCKER_CONFIG', async () => {
    await addContext('desktop', { Host: 'unix:///desktop.sock' });
    const env = { DOCKER_CONFIG: join(home, '.docker'), DOCKER_CONTEXT: 'desktop' };
    expect((await resolveAddress({ env, home: '/nowhere' })).url).toBe('unix:///desktop.sock');
  });

  it("includes the context's TLS material", async () => {
    await addContext('remote', { Host: 'tcp://remote:2376', SkipTLSVerify: false });
    for (const name of ['ca', 'cert', 'key']) {
      await write(`.docker/contexts/tls/${folderOf('remote')}/docker/${name}.pem`, `${name} text`);
    }
    const { tls } = await resolveAddress({ env: { DOCKER_CONTEXT: 'remote' }, home });
    expect(tls).toEqual({ ca: 'ca text', cert: 'cert text', key: 'key text', verify: true });
  });

  it('includes the TLS material of DOCKER_CERT_PATH when DOCKER_TLS_VERIFY is set', async () => {
    await write('certs/ca.pem', 'ca text');
    const env = {
      DOCKER_HOST: 'tcp://remote:2376',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: join(home, 'certs'),
    };
    expect((await resolveAddress({ env, home })).tls).toEqual({ ca: 'ca text', verify: true });
  });

  it.each([
    ['Docker Desktop on macOS', '.docker/run/docker.sock'],
    ['Docker Desktop on Linux', '.docker/desktop/docker.sock'],
    ['Colima', '.colima/default/docker.sock'],
  ])('is the socket of %s when the context is the default one', async (_, socket) => {
    await useContext('default');
    await write(socket, '');
    const { url } = await resolveAddress({ env: {}, home });
    expect([`unix://${join(home, socket)}`, 'unix:///var/run/docker.sock']).toContain(url);
  });

  it('is the rootless socket before those of desktop programs', async () => {
    await write('run/docker.sock', '');
    await write('.colima/default/docker.sock', '');
    const { url } = await resolveAddress({ env: { XDG_RUNTIME_DIR: join(home, 'run') }, home });
    expect([`unix://${join(home, 'run/docker.sock')}`, 'unix:///var/run/docker.sock']).toContain(url);
  });

  it('is an error for a context that does not exist', async () => {
    const resolving = resolveAddress({ env: { DOCKER_CONTEXT: 'gone' }, home });
    await expect(resolving).rejects.toMatchObject({
      code: 'docker-unreachable',
      what: 'could not find the Docker context "gone"',
      why: expect.stringContaining('contexts') as string,
      hint: expect.stringContaining('docker context ls') as string,
    });
  });

  it('is an error that names the file when the docker config is not JSON', async () => {
    await write('.docker/config.json', '{');
    await expect(resolveAddress({ env: {}, home })).rejects.toMatchObject({
      code: 'docker-unreachable',
      what: `could not read ${join(home, '.docker/config.json')}`,
    });
  });
});
