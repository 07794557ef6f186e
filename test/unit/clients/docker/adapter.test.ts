import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectDocker, type DockerPort } from '../../../../src/clients/docker/index.ts';
import type { TransferOptions } from '../../../../src/clients/docker/port.ts';
import { Secret } from '../../../../src/core/secret.ts';

const platform = { os: 'linux', architecture: 'arm64', variant: 'v8' };
const image = 'ghcr.io/a/b:1';

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

/** An HTTP server that sends the responses of a Docker daemon. */
async function daemon(
  answer: RequestListener,
): Promise<{ port: DockerPort; requests: IncomingMessage[]; server: Server }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const { port: number } = server.address() as AddressInfo;
  const port = await connectDocker({ host: `tcp://127.0.0.1:${number}`, env: {}, home: '/nowhere' });
  return { port, requests, server };
}

const transfer = (changes: Partial<TransferOptions> = {}): TransferOptions => ({
  signal: new AbortController().signal,
  onProgress: () => undefined,
  ...changes,
});

describe('the Docker adapter', () => {
  it('fails a pull whose stream ends without a success record', async () => {
    const { port } = await daemon((_, response) => response.end('{"status":"Pulling from a/b","id":"1"}\n'));
    await expect(port.pull(image, platform, transfer())).rejects.toMatchObject({
      code: 'docker-failed',
      what: `could not pull ${image} for linux/arm64`,
      why: 'the engine ended the transfer without reporting success',
    });
  });

  it('fails a push whose stream ends without a digest', async () => {
    const { port } = await daemon((_, response) => response.end('{"status":"Pushed","id":"1"}\n'));
    await expect(port.push('h.example/p/a', '1', platform, transfer())).rejects.toMatchObject({
      code: 'docker-failed',
    });
  });

  it('reads the pushed digest from the last status of the containerd store', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const { port } = await daemon((_, response) =>
      response.end(`{"status":"1: digest: ${digest} size: 528"}\n`),
    );
    expect((await port.push('h.example/p/a', '1', platform, transfer())).digest).toBe(digest);
  });

  it.each(['../../containers/prune?', 'sha256:../../x', `sha256:${'A'.repeat(64)}`])(
    'fails when the engine reports %j as a digest, which would become part of a URL',
    async (bad) => {
      const good = `sha256:${'a'.repeat(64)}`;
      const found = {
        Id: good,
        Os: 'linux',
        Architecture: 'arm64',
        RootFS: { Layers: [good] },
        RepoDigests: [],
      };
      const answers = [
        { ...found, Id: bad },
        { ...found, RootFS: { Layers: [bad] } },
        { ...found, RepoDigests: [`ghcr.io/a/b@${bad}`] },
        { Descriptor: { digest: bad }, Platforms: [] },
        { status: `1: digest: ${bad} size: 528` },
        { aux: { Tag: '1', Digest: bad } },
      ];
      const { port } = await daemon((_, response) => response.end(JSON.stringify(answers[0])));
      const calls = [
        ...Array.from({ length: 3 }, () => () => port.image(image)),
        () => port.source(image, undefined),
        ...Array.from({ length: 2 }, () => () => port.push('h.example/p/a', '1', platform, transfer())),
      ];
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({
          code: 'docker-failed',
          why: `the Docker engine reported an invalid digest: "${bad}"`,
        });
        answers.shift();
      }
    },
  );

  it('requests exactly one tag and the platform', async () => {
    const { port, requests } = await daemon((_, response) => response.end());
    await port.push('h.example/p/a', '1', platform, transfer()).catch(() => undefined);
    await port.pull(image, platform, transfer()).catch(() => undefined);
    const [push, pull] = requests.map(({ url }) => new URL(url ?? '', 'http://daemon'));
    expect(push?.pathname).toBe('/images/h.example/p/a/push');
    expect(push?.searchParams.get('tag')).toBe('1');
    expect(JSON.parse(push?.searchParams.get('platform') ?? '')).toEqual(platform);
    expect(Object.fromEntries(pull?.searchParams ?? [])).toEqual({
      fromImage: image,
      platform: 'linux/arm64',
    });
  });

  it('sends credentials as base64url JSON in a header and nowhere else', async () => {
    const { port, requests } = await daemon((_, response) => response.end());
    const password = new Secret('pass>>>word???ÿÿ');
    const credential = { username: 'somebody', password };
    await port.pull(image, platform, transfer({ credential })).catch(() => undefined);
    const [request] = requests;
    const header = String(request?.headers['x-registry-auth']);
    expect(header).toMatch(/^[A-Za-z0-9_=-]+$/);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      username: 'somebody',
      password: password.reveal(),
      serveraddress: 'ghcr.io',
    });
    expect(request?.url).not.toContain('auth');
  });

  it.each([
    [{ isIdentityToken: true }, { username: '<token>', identitytoken: 'T', serveraddress: 'ghcr.io' }],
    [{ isRegistryToken: true }, { registrytoken: 'T', serveraddress: 'ghcr.io' }],
  ])('passes a token to the engine in the matching field: %j', async (kind, expected) => {
    const { port, requests } = await daemon((_, response) => response.end());
    const credential = { username: '<token>', password: new Secret('T'), ...kind };
    await port.pull(image, platform, transfer({ credential })).catch(() => undefined);
    const header = String(requests[0]?.headers['x-registry-auth']);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual(expected);
  });

  it('throws the reason of an abort during a pull', async () => {
    const abort = new AbortController();
    const { port } = await daemon((_, response) => {
      response.write('{"status":"Downloading","id":"1","progressDetail":{"current":1,"total":2}}\n');
    });
    const onProgress = (): void => abort.abort(new Error('enough'));
    await expect(port.pull(image, platform, transfer({ signal: abort.signal, onProgress }))).rejects.toThrow(
      'enough',
    );
  });

  it('fails with docker-unreachable and the address when no engine listens', async () => {
    const port = await connectDocker({ host: 'unix:///nowhere/docker.sock', env: {}, home: '/nowhere' });
    await expect(port.version()).rejects.toMatchObject({
      code: 'docker-unreachable',
      what: 'could not connect to the Docker engine at unix:///nowhere/docker.sock (given address)',
      why: 'there is no such socket',
    });
  });

  it('rejects an address with an unknown scheme', async () => {
    const connecting = connectDocker({ host: 'gopher://x', env: {}, home: '/nowhere' });
    await expect(connecting).rejects.toMatchObject({ code: 'docker-unreachable' });
  });

  it("connects to an engine with the system's ssh and docker system dial-stdio", async () => {
    const { server } = await daemon((_, response) => response.end('{"Version":"99.0"}'));
    const { port: number } = server.address() as AddressInfo;
    const calls = await fakeSsh(
      `const s = require('net').connect(${number}, '127.0.0.1'); process.stdin.pipe(s); s.pipe(process.stdout);`,
    );
    const port = await connectDocker({ host: 'ssh://me@build.example:2222', env: {}, home: '/nowhere' });
    expect(await port.version()).toBe('99.0');
    expect(await calls()).toEqual('-o BatchMode=yes -l me -p 2222 -- build.example docker system dial-stdio');
  });

  it('reports why ssh failed', async () => {
    await fakeSsh(`console.error('Host key verification failed.'); process.exitCode = 255;`);
    const port = await connectDocker({ host: 'ssh://build.example', env: {}, home: '/nowhere' });
    await expect(port.version()).rejects.toMatchObject({
      code: 'docker-unreachable',
      why: 'ssh: Host key verification failed.',
    });
  });
});

/** Puts a program named ssh first on PATH. Resolves to a function that reads the arguments of its call. */
async function fakeSsh(body: string): Promise<() => Promise<string>> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-ssh-'));
  const record = join(folder, 'arguments');
  const program = join(folder, 'ssh');
  const note = `require('fs').writeFileSync(${JSON.stringify(record)}, process.argv.slice(2).join(' '));`;
  await writeFile(program, `#!${process.execPath}\n${note}\n${body}\n`);
  await chmod(program, 0o755);
  const path = process.env['PATH'];
  process.env['PATH'] = `${folder}${delimiter}${path ?? ''}`;
  cleanUps.push(async () => {
    process.env['PATH'] = path;
    await rm(folder, { recursive: true });
  });
  return () => readFile(record, 'utf8');
}
