import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOperatorSource, releaseUrl } from '../../../../src/external-secrets/release/source.ts';
import type { OperatorManifest } from '../../../../src/external-secrets/release/port.ts';
import { sha256 } from '../../../../src/core/sha256.ts';
import { TextCache } from '../../../../src/external-secrets/release/cache.ts';
import { parseObjects } from '../../../../src/external-secrets/release/parse.ts';
import { createNet, type Net } from '../../../../src/clients/net/index.ts';
import { listener } from '../../../../sandbox/http.ts';
import { type Sandbox, startSandbox } from '../../../../sandbox/index.ts';
import { operatorManifest } from '../../../../sandbox/world.ts';

const yaml = operatorManifest();
const digest = createHash('sha256').update(yaml).digest('hex');

let sandbox: Sandbox;
let net: Net;
let folder: string;
let requested: string[];

beforeAll(async () => {
  sandbox = await startSandbox();
  net = createNet(sandbox.caPem, { HTTPS_PROXY: sandbox.proxyUrl });
});
afterAll(async () => {
  await net.close();
  await sandbox.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifest-'));
  requested = [];
  serve('github.com', 302, { location: 'https://assets.example/file' });
  serve('assets.example', 200, {}, yaml);
});
afterEach(() => rm(folder, { recursive: true }));

function serve(host: string, status: number, headers: Record<string, string>, body = ''): void {
  const handler = listener(() => {
    requested.push(host);
    return { status, headers, body };
  });
  sandbox.hosts.set(host, handler);
}

const load = (config: { manifest?: string; sha256?: string } = {}): Promise<OperatorManifest> =>
  createOperatorSource({ config, net, cacheDir: join(folder, 'cache') }).load();

const write = async (text: string): Promise<string> => {
  const path = join(folder, 'operator.yaml');
  await writeFile(path, text);
  return path;
};

describe('the operator manifest', () => {
  it('comes from the release by default, through its redirect', async () => {
    const manifest = await load();
    expect(manifest).toMatchObject({ from: releaseUrl, sha256: digest });
    expect(manifest.objects).toHaveLength(35);
    expect(requested).toEqual(['github.com', 'assets.example']);
  });

  it('is downloaded once, so later runs need no internet', async () => {
    const first = await load();
    requested = [];
    expect(await load()).toEqual(first);
    expect(requested).toEqual([]);
  });

  it('is cached in files that only the user can read', async () => {
    await load();
    const cache = join(folder, 'cache');
    const files = await readdir(cache);
    expect(files).toHaveLength(2);
    for (const file of files) expect((await stat(join(cache, file))).mode & 0o777).toBe(0o600);
  });

  it('is downloaded again when the cached copy is damaged', async () => {
    const first = await load();
    const cache = join(folder, 'cache');
    for (const file of await readdir(cache)) {
      const text = await readFile(join(cache, file), 'utf8');
      await writeFile(join(cache, file), text.replace('ExternalSecret', 'ExternalSecreT'));
    }
    requested = [];
    expect(await load()).toEqual(first);
    expect(requested).toContain('assets.example');
  });

  it('is requested again by the next load after a failed download', async () => {
    serve('assets.example', 503, {});
    const source = createOperatorSource({ config: {}, net, cacheDir: join(folder, 'cache') });
    await expect(source.load()).rejects.toMatchObject({ code: 'manifest-unusable' });
    serve('assets.example', 200, {}, yaml);
    expect(await source.load()).toMatchObject({ sha256: digest });
  });

  it('can be a local file', async () => {
    const path = await write(yaml);
    expect(await load({ manifest: path })).toMatchObject({ from: path, sha256: digest });
    expect(requested).toEqual([]);
  });

  it('must have the configured checksum', async () => {
    await expect(load({ sha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'manifest-unusable',
      why: expect.stringContaining(digest) as string,
    });
    await expect(load({ sha256: digest })).resolves.toMatchObject({ sha256: digest });
  });

  it('is never downloaded over plain HTTP, not even after a redirect', async () => {
    serve('github.com', 302, { location: 'http://assets.example/file' });
    await expect(load()).rejects.toMatchObject({ why: 'http://assets.example does not use HTTPS' });
    await expect(load({ manifest: 'http://assets.example/file' })).rejects.toMatchObject({
      code: 'manifest-unusable',
    });
    expect(requested).toEqual(['github.com']);
  });

  it.each([
    ['of another version', yaml.replaceAll(':v0.12.1', ':v0.13.0'), /of version v0\.13\.0/],
    [
      'without one of its objects',
      yaml.replace('name: secretstore-validate', 'name: other'),
      /does not contain .*secretstore-validate/,
    ],
    [
      'with an additional object',
      `${yaml}---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: odd\n`,
      /contains Pod odd/,
    ],
    ['that is a web page', '<html><body>Sign in</body></html>', /not a Kubernetes object/],
    [
      'with other objects only',
      'apiVersion: v1\nkind: Pod\nmetadata:\n  name: odd\n',
      /none of its 1 objects/,
    ],
    ['that is not YAML', 'a: [', /not valid YAML/],
    ['that is empty', '', /none of its 0 objects/],
  ])('%s is refused with the reason, and with a hint to configure a file', async (_, text, why) => {
    await expect(load({ manifest: await write(text) })).rejects.toMatchObject({
      code: 'manifest-unusable',
      why: expect.stringMatching(why) as string,
      hint: expect.stringContaining('externalSecrets.manifest') as string,
    });
  });

  it('is compared with the release even when it comes from the cache', async () => {
    const odd = yaml.replace('hostNetwork: false', 'hostNetwork: true');
    expect(odd).not.toBe(yaml);
    const path = await write(odd);
    // As if an earlier version of ecr-bootstrap, which compared less, had cached it.
    const name = `operator-${sha256(odd)}.json`;
    const kept = JSON.stringify(await parseObjects(odd, path));
    await new TextCache(join(folder, 'cache')).write(name, kept);
    await expect(load({ manifest: path })).rejects.toMatchObject({
      code: 'manifest-unusable',
      why: expect.stringContaining('hostNetwork') as string,
    });
  });

  it('comes from a layout first, and serves later runs without the layout', async () => {
    const layout = { name: 'oci:images', operatorYaml: () => Promise.resolve(yaml) };
    const source = () => createOperatorSource({ config: {}, net, cacheDir: join(folder, 'cache'), layout });
    expect(await source().load()).toMatchObject({ from: 'oci:images', sha256: digest });
    expect(await source().yaml()).toEqual({ text: yaml, sha256: digest });
    expect(await load()).toMatchObject({ from: releaseUrl, sha256: digest });
    expect(requested).toEqual([]);
  });

  it('is refused in a layout like everywhere, and then serves no later run', async () => {
    const odd = yaml.replace('hostNetwork: false', 'hostNetwork: true');
    const layout = { name: 'oci:images', operatorYaml: () => Promise.resolve(odd) };
    const source = createOperatorSource({ config: {}, net, cacheDir: join(folder, 'cache'), layout });
    await expect(source.load()).rejects.toMatchObject({ code: 'manifest-unusable' });
    await load();
    expect(requested).not.toEqual([]);
  });

  it('comes from the configured place if the layout has none', async () => {
    const layout = { name: 'oci:images', operatorYaml: () => Promise.resolve(undefined) };
    const source = createOperatorSource({ config: {}, net, cacheDir: join(folder, 'cache'), layout });
    expect(await source.load()).toMatchObject({ from: releaseUrl });
  });

  it('names the host and the error when the download fails', async () => {
    serve('assets.example', 404, {});
    await expect(load()).rejects.toMatchObject({
      code: 'manifest-unusable',
      why: 'assets.example returned HTTP 404',
    });
  });

  it('is reported as a missing file when the configured path does not exist', async () => {
    await expect(load({ manifest: join(folder, 'none.yaml') })).rejects.toMatchObject({
      code: 'file-missing',
    });
  });

  it('is used even when it cannot be cached', async () => {
    await writeFile(join(folder, 'cache'), 'a file in the way');
    await expect(load()).resolves.toMatchObject({ sha256: digest });
  });
});
