import { createHash } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import * as ECR from '@aws-sdk/client-ecr';
import { PutUserPolicyCommand } from '@aws-sdk/client-iam';
import type { Dispatcher, ProxyAgent } from 'undici';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import type { KeyPair } from '../../../sandbox/ports.ts';
import { virtualContent } from '../../../sandbox/registry/storage.ts';
import { clients, dispatcher, send } from './support.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const PULL_ONLY = 'arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly';
const digestOf = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let sandbox: Sandbox;
let through: ProxyAgent;
let auth: string;
let count = 0;

beforeAll(async () => {
  sandbox = await startSandbox({
    sources: [{ host: 'registry.example.com', auth: 'basic', login: { username: 'me', password: 'pass' } }],
  });
  through = dispatcher(sandbox);
  auth = await basicOf(sandbox.admin);
});
afterAll(async () => {
  await through.destroy();
  await sandbox.close();
});

/** A new token of a key, as an Authorization header. */
async function basicOf(key: KeyPair): Promise<string> {
  const { authorizationToken } = await sandbox.awsForCluster.getAuthorizationToken(key, sandbox.region);
  return `Basic ${authorizationToken}`;
}

type Body = Buffer | string | Readable;
/** Sends a request to the private registry, by default as the administrator. */
const ask = (
  method: Dispatcher.HttpMethod,
  path: string,
  headers: Record<string, string> = {},
  body?: Body,
) =>
  send(
    through,
    method,
    `https://${sandbox.registryHost}/v2/${path}`,
    { authorization: auth, ...headers },
    body,
  );

const repository = (settings: { tagMutability?: string } = {}) => {
  const name = `p/repository-${(count += 1)}`;
  Object.assign(sandbox.aws.registry.addRepository(name), settings);
  return name;
};
const open = async (name: string, query = '') => {
  const { status, headers } = await ask('POST', `${name}/blobs/uploads/${query}`);
  return { status, location: String(headers['location']).replace(/^.*\/v2\//, '') };
};
async function push(name: string, bytes: Buffer | string): Promise<string> {
  const digest = digestOf(bytes);
  const { location } = await open(name);
  expect((await ask('PUT', `${location}?digest=${digest}`, {}, bytes)).status).toBe(201);
  return digest;
}
const imageOf = (config: string, more: object = {}) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: config, size: 2 },
    layers: [],
    ...more,
  });
const putManifest = (name: string, reference: string, manifest: string, type = MANIFEST) =>
  ask('PUT', `${name}/manifests/${reference}`, { 'content-type': type }, manifest);
/** Pushes a minimal image. */
async function pushImage(name: string, tag = 'v1'): Promise<string> {
  const manifest = imageOf(await push(name, '{}'));
  expect((await putManifest(name, tag, manifest)).status).toBe(201);
  return digestOf(manifest);
}

describe('access to the private registry', () => {
  it('returns the Basic challenge of ECR for a token that was never issued', async () => {
    const unknown = Buffer.from(`AWS:${'unknown0'.repeat(16)}`).toString('base64');
    const { status, headers } = await ask('GET', '', { authorization: `Basic ${unknown}` });
    expect(status).toBe(401);
    const realm = `https://${sandbox.registryHost}/`;
    expect(headers['www-authenticate']).toBe(`Basic realm="${realm}",service="ecr.amazonaws.com"`);
  });

  test('a token stops working with its key, and an expired token gives a 403', async () => {
    const { user, key } = sandbox.aws.addUser('mortal', PULL_ONLY);
    const authorization = await basicOf(key);
    const ping = async () => (await ask('GET', '', { authorization })).status;
    const stored = sandbox.aws.identities.keys.get(key.accessKeyId);
    expect(stored?.user).toBe(user);
    expect(await ping()).toBe(200);
    if (stored) stored.active = false;
    expect(await ping()).toBe(401);
    if (stored) stored.active = true;
    sandbox.clock.advance(12 * 3_600_000);
    const { status, json } = await ask('GET', '', { authorization });
    expect(status).toBe(403);
    expect(JSON.stringify(json)).toMatch(/DENIED.*authorization token has expired/);
    sandbox.aws.identities.keys.delete(key.accessKeyId);
    expect(await ping()).toBe(401);
    auth = await basicOf(sandbox.admin);
  });

  test('policies apply to each request, and the error names the denied action', async () => {
    const { user, key } = sandbox.aws.addUser('limited');
    const admin = clients(sandbox);
    const Statement = [
      { Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' },
      { Effect: 'Allow', Action: 'ecr:BatchGetImage', Resource: 'arn:aws:ecr:*:*:repository/open/*' },
    ];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    const policy = { UserName: user.name, PolicyName: 'limited', PolicyDocument };
    await admin.iam.send(new PutUserPolicyCommand(policy));
    sandbox.aws.registry.addRepository('open/a');
    sandbox.aws.registry.addRepository('closed/a');
    const authorization = await basicOf(key);
    const status = async (method: Dispatcher.HttpMethod, path: string) =>
      (await ask(method, path, { authorization })).status;
    expect(await status('GET', 'open/a/manifests/v1')).toBe(404);
    expect(await status('GET', 'closed/a/manifests/v1')).toBe(403);
    expect(await status('GET', 'absent/a/manifests/v1')).toBe(403);
    expect(await status('POST', 'open/a/blobs/uploads/')).toBe(403);
    const { json } = await ask('GET', 'closed/a/manifests/v1', { authorization });
    expect(JSON.stringify(json)).toMatch(
      /DENIED.*is not authorized to perform: ecr:BatchGetImage on resource/,
    );
  });
});

describe('a push to the private registry', () => {
  test('a push to a repository that does not exist gives NAME_UNKNOWN', async () => {
    const { status, json } = await ask('POST', 'p/absent/blobs/uploads/');
    expect([status, json]).toMatchObject([404, { errors: [{ code: 'NAME_UNKNOWN' }] }]);
  });

  test('a blob is uploaded with one PUT, or with PATCH and PUT, and its digest is verified', async () => {
    const name = repository();
    await push(name, 'monolithic');
    const { location } = await open(name);
    expect((await ask('PATCH', location, {}, 'patched')).headers['range']).toBe('0-6');
    expect((await ask('PUT', `${location}?digest=${digestOf('patched')}`)).status).toBe(201);
    const wrong = await ask('PUT', `${(await open(name)).location}?digest=${digestOf('x')}`, {}, 'y');
    expect([wrong.status, wrong.json]).toMatchObject([400, { errors: [{ code: 'DIGEST_INVALID' }] }]);
    const { status, headers } = await ask('HEAD', `${name}/blobs/${digestOf('patched')}`);
    expect([status, headers['content-length']]).toEqual([200, '7']);
    expect((await ask('HEAD', `${name}/blobs/${digestOf('x')}`)).status).toBe(404);
  });

  test('an upload cannot continue after an interrupted PATCH', async () => {
    const name = repository();
    const { location } = await open(name);
    const body = new PassThrough();
    const broken = ask('PATCH', location, {}, body).catch((error: unknown) => error as Error);
    body.write('half');
    const arrived = () =>
      sandbox.faults.calls.some(
        ({ operation, resource }) => operation === 'PatchUpload' && resource === name,
      );
    await expect.poll(arrived).toBe(true);
    body.destroy(new Error('interrupted'));
    expect(await broken).toBeInstanceOf(Error);
    await expect.poll(async () => (await ask('PATCH', location, {}, 'again')).status).toBe(416);
    expect((await ask('PUT', `${location}?digest=${digestOf('again')}`, {}, 'again')).status).toBe(416);
  });

  test('a manifest needs its blobs, and an index needs its child manifests', async () => {
    const name = repository();
    const config = digestOf('{}');
    const lacking = await putManifest(name, 'v1', imageOf(config));
    expect([lacking.status, lacking.json]).toMatchObject([
      404,
      { errors: [{ code: 'MANIFEST_BLOB_UNKNOWN' }] },
    ]);
    const child = { mediaType: MANIFEST, digest: digestOf(imageOf(config)), size: 1 };
    const index = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [child] });
    const orphan = await putManifest(name, 'v1', index, INDEX);
    expect(JSON.stringify(orphan.json)).toMatch(/MANIFEST_BLOB_UNKNOWN.*Images with digests/);
    await pushImage(name, child.digest);
    expect((await putManifest(name, 'v1', index, INDEX)).status).toBe(201);
  });

  test('a manifest is returned byte for byte, by tag and by digest', async () => {
    const name = repository();
    const manifest = `${imageOf(await push(name, '{}'))}\n  \n`;
    await putManifest(name, 'v1', manifest);
    for (const reference of ['v1', digestOf(manifest)]) {
      const { bytes, headers } = await ask('GET', `${name}/manifests/${reference}`);
      expect(bytes.toString()).toBe(manifest);
      expect([headers['content-type'], headers['docker-content-digest']]).toEqual([
        MANIFEST,
        digestOf(manifest),
      ]);
    }
    expect((await ask('HEAD', `${name}/manifests/v2`)).status).toBe(404);
  });

  test('a push to an immutable tag is refused even with the same digest', async () => {
    const name = repository({ tagMutability: 'IMMUTABLE' });
    await pushImage(name);
    const { status, json } = await putManifest(name, 'v1', imageOf(digestOf('{}')));
    expect(status).toBe(400);
    expect(JSON.stringify(json)).toMatch(/TAG_INVALID.*cannot be overwritten because the tag is immutable/);
  });

  test('an invalid manifest, one of another type and one above the size limit are refused', async () => {
    const name = repository();
    expect((await putManifest(name, 'v1', 'no json')).status).toBe(400);
    expect((await putManifest(name, 'v1', imageOf(await push(name, '{}')), INDEX)).status).toBe(400);
    expect((await putManifest(name, 'v1', ' '.repeat(4 * 1024 * 1024 + 1))).status).toBe(413);
  });

  test('a mount falls back to an upload unless the account allows mounts and a source image uses the blob', async () => {
    const [source, target] = [repository(), repository()];
    const used = await push(source, '{}');
    await pushImage(source);
    const loose = await push(source, 'no image uses this');
    const mount = async (digest: string) => (await open(target, `?mount=${digest}&from=${source}`)).status;
    expect(await mount(used)).toBe(202);
    await clients(sandbox).ecr.send(
      new ECR.PutAccountSettingCommand({ name: 'BLOB_MOUNTING', value: 'ENABLED' }),
    );
    expect(await mount(loose)).toBe(202);
    expect(await mount(used)).toBe(201);
    expect((await ask('HEAD', `${target}/blobs/${used}`)).status).toBe(200);
  });

  test('requests above the rate limit get a 429 with Retry-After', async () => {
    const name = repository();
    const manifest = imageOf(await push(name, '{}'));
    sandbox.aws.limits.perSecond.set('PutImage', 1);
    const replies = await Promise.all([1, 2, 3].map((tag) => putManifest(name, `v${tag}`, manifest)));
    sandbox.aws.limits.perSecond.clear();
    const limited = replies.find(({ status }) => status === 429);
    expect(limited?.headers['retry-after']).toBe('1');
  });
});

describe('a pull from the private registry', () => {
  test('a blob is in S3 at a signed link, which expires and allows no Authorization header', async () => {
    const name = repository();
    const digest = await push(name, 'in the bucket');
    const { status, headers } = await ask('GET', `${name}/blobs/${digest}`);
    expect(status).toBe(307);
    const link = String(headers['location']);
    expect(new URL(link).host).toBe(`prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com`);
    expect((await send(through, 'GET', link)).bytes.toString()).toBe('in the bucket');
    const part = await send(through, 'GET', link, { range: 'bytes=7-' });
    expect([part.status, part.bytes.toString()]).toEqual([206, 'bucket']);
    expect((await send(through, 'GET', link, { authorization: auth })).status).toBe(400);
    expect((await send(through, 'GET', link.replace(digest, digestOf('other')))).status).toBe(403);
    sandbox.clock.advance(3_600_000);
    expect((await send(through, 'GET', link)).status).toBe(403);
  });

  test('tags are listed in pages', async () => {
    const name = repository();
    for (const tag of ['c', 'a', 'b']) await pushImage(name, tag);
    const first = await ask('GET', `${name}/tags/list?n=2`);
    expect(first.json).toEqual({ name, tags: ['a', 'b'] });
    const next = /<\/v2\/(.+)>; rel="next"/.exec(String(first.headers['link']))?.[1] ?? '';
    expect((await ask('GET', next)).json).toEqual({ name, tags: ['c'] });
  });

  test('referrers are listed for OCI images and refused for other types', async () => {
    const name = repository();
    const subject = { mediaType: MANIFEST, digest: await pushImage(name), size: 1 };
    await putManifest(name, 'signature', imageOf(digestOf('{}'), { subject }));
    const { json } = await ask('GET', `${name}/referrers/${subject.digest}`);
    expect(json).toMatchObject({ mediaType: INDEX, manifests: [{ mediaType: MANIFEST }] });
    const type = 'application/vnd.docker.distribution.manifest.v2+json';
    const schema2 = imageOf(digestOf('{}'), { mediaType: type });
    await putManifest(name, 'docker', schema2, type);
    expect((await ask('GET', `${name}/referrers/${digestOf(schema2)}`)).status).toBe(405);
  });

  test('the ECR API describes, lists and deletes pushed images', async () => {
    const repositoryName = repository();
    const imageDigest = await pushImage(repositoryName, 'v1');
    await pushImage(repositoryName, 'v2');
    const { ecr } = clients(sandbox);
    const { imageDetails } = await ecr.send(new ECR.DescribeImagesCommand({ repositoryName }));
    expect(imageDetails).toMatchObject([
      { imageDigest, imageTags: ['v1', 'v2'], imageManifestMediaType: MANIFEST },
    ]);
    const imageIds = [{ imageTag: 'v1' }, { imageTag: 'absent' }];
    const { images, failures } = await ecr.send(new ECR.BatchGetImageCommand({ repositoryName, imageIds }));
    expect(digestOf(images?.[0]?.imageManifest ?? '')).toBe(imageDigest);
    expect(failures).toHaveLength(1);
    const layerDigests = [digestOf('{}'), digestOf('absent')];
    const { layers } = await ecr.send(
      new ECR.BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests }),
    );
    expect(layers?.map(({ layerAvailability }) => layerAvailability)).toEqual(['AVAILABLE', 'UNAVAILABLE']);
    await ecr.send(new ECR.BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag: 'v1' }] }));
    const left = await ecr.send(new ECR.ListImagesCommand({ repositoryName }));
    expect(left.imageIds).toEqual([{ imageDigest, imageTag: 'v2' }]);
    const remove = new ECR.DeleteRepositoryCommand({ repositoryName });
    await expect(ecr.send(remove)).rejects.toMatchObject({ name: 'RepositoryNotEmptyException' });
  });
});

describe('source registries', () => {
  const get = (url: string, headers: Record<string, string> = {}) => send(through, 'GET', url, headers);

  test('Docker Hub issues a token for a scope without credentials', async () => {
    const manifests = 'https://registry-1.docker.io/v2/library/nginx/manifests/1.27';
    const { status, headers } = await get(manifests);
    expect(status).toBe(401);
    const challenge = /^Bearer realm="(.+?)",service="(.+?)",scope="(.+?)"$/;
    const [, realm, service, scope] = challenge.exec(String(headers['www-authenticate'])) ?? [];
    expect([realm, scope]).toEqual(['https://auth.docker.io/token', 'repository:library/nginx:pull']);
    const issued = await get(`${realm}?service=${service}&scope=${scope}`);
    const { token } = issued.json as { token: string };
    expect((await get(manifests, { authorization: `Bearer ${token}` })).status).toBe(200);
    const other = 'https://registry-1.docker.io/v2/library/redis/manifests/7';
    expect((await get(other, { authorization: `Bearer ${token}` })).status).toBe(401);
  });

  test('a registry with a login requires Basic credentials', async () => {
    const { digest } = sandbox.sources.get('registry.example.com')?.seed('team/app', '1.0') ?? {};
    const url = 'https://registry.example.com/v2/team/app/manifests/1.0';
    expect((await get(url)).headers['www-authenticate']).toBe('Basic realm="registry.example.com"');
    const authorization = `Basic ${Buffer.from('me:pass').toString('base64')}`;
    expect((await get(url, { authorization })).headers['docker-content-digest']).toBe(digest);
  });

  test('the same seed gives the same digests, and images can share a base', () => {
    const source = sandbox.sources.get('registry.k8s.io');
    const seed = { platforms: ['linux/amd64', 'linux/arm64/v8'], base: ['shared'], attestations: true };
    const first = source?.seed('same/image', 'v1', seed);
    expect(source?.seed('same/image', 'v1', seed)).toEqual(first);
    source?.seed('other/image', 'v1', seed);
    const blobs = [...(source?.repositories.get('same/image')?.blobs.keys() ?? [])];
    const others = source?.repositories.get('other/image')?.blobs;
    expect(blobs.filter((digest) => others?.has(digest)).length).toBeGreaterThan(0);
  });

  test('a large virtual blob is streamed without being stored, also into ECR', async () => {
    const content = virtualContent(64 << 20, 'big');
    const hash = createHash('sha256');
    for await (const piece of content.read(0, content.length)) hash.update(piece as Buffer);
    const digest = `sha256:${hash.digest('hex')}`;
    sandbox.sources.get('registry.k8s.io')?.seed('big', 'v1', { blobs: [{ digest, content }] });
    const body = content.read(0, content.length);
    const name = repository();
    const { location } = await open(name);
    const { status } = await ask('PUT', `${location}?digest=${digest}`, {}, body);
    expect(status).toBe(201);
    expect(sandbox.aws.registry.repositories.get(name)?.blobs.get(digest)).toBe(content);
    const reply = await send(through, 'GET', `https://registry.k8s.io/v2/big/blobs/${digest}`, {
      range: 'bytes=1048570-1048579',
    });
    expect(reply.bytes).toHaveLength(10);
  });
});

test('a node pulls its platform with the first pull secret that works', async () => {
  sandbox.aws.registry.seed('p/one', 'v1');
  sandbox.aws.registry.seed('p/two', 'v1', { platforms: ['linux/amd64', 'linux/arm64/v8'] });
  const { key } = sandbox.aws.addUser('node', PULL_ONLY);
  const dockerConfig = (token: string) =>
    JSON.stringify({ auths: { [sandbox.registryHost]: { auth: token.replace('Basic ', '') } } });
  const good = dockerConfig(await basicOf(key));
  const bad = dockerConfig('Basic QVdTOm5vbmU=');
  const image = `${sandbox.registryHost}/p/one:v1`;
  const pull = (reference: string, secrets: string[], platform = 'linux/amd64') =>
    sandbox.images.pull(reference, platform, secrets);
  expect(await pull(image, [bad, good])).toBe('pulled');
  expect(await pull(image, [bad, 'no json'])).toBe('unauthorized');
  expect(await pull(image, [])).toBe('unauthorized');
  expect(await pull(image, [good], 'linux/arm64')).toBe('no-matching-platform');
  expect(await pull(image.replace('one', 'two'), [good], 'linux/arm64')).toBe('pulled');
  expect(await pull(image.replace(':v1', ':v2'), [good])).toBe('not-found');
  expect(await pull('docker.io/library/nginx:1.27', [good])).toBe('no-route');
});
