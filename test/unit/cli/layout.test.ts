import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Cli, type CliResult, openCli } from '../../support/cli.ts';
import { expectValidLayout } from '../../support/layout.ts';
import { operatorManifest } from '../../../sandbox/world.ts';

let cli: Cli;
let folder: string;
beforeEach(async () => {
  cli = await openCli({}, { fast: true });
  folder = join(cli.folder, 'images');
});
afterEach(() => cli.close());

/** A machine that reaches only the internet. */
const outside = {
  KUBECONFIG: '/nonexistent/kubeconfig',
  AWS_ACCESS_KEY_ID: undefined,
  AWS_SECRET_ACCESS_KEY: undefined,
  ECR_BOOTSTRAP_PROJECT: undefined,
  ECR_BOOTSTRAP_ACCOUNT_ID: undefined,
  AWS_REGION: undefined,
};
const nginx = 'docker.io/library/nginx:1.27';
const exporter = 'quay.io/prometheus/node-exporter:v1.9.0';

const write = (references: string, flags = '--platform linux/amd64'): Promise<CliResult> =>
  cli.run(`mirror --to oci:images ${references} ${flags}`, { env: outside });
const read = (references = '', flags = ''): Promise<CliResult> =>
  cli.run(`mirror --from oci:images ${references} ${flags}`);

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly artifactType?: string;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}
const index = (): Index => JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as Index;
const names = (): string[] =>
  index().manifests.map(({ annotations }) => annotations['org.opencontainers.image.ref.name'] ?? '');
const blobs = (): string[] => readdirSync(join(folder, 'blobs/sha256')).sort();
const blobOf = (digest: string): string => join(folder, 'blobs', ...digest.split(':'));
const digestOf = (name: string): string =>
  index().manifests.find(({ annotations }) => annotations['org.opencontainers.image.ref.name'] === name)
    ?.digest ?? '';
const expectValid = (): void => expectValidLayout(folder);

const inEcr = (repository: string, tag: string) =>
  cli.world.aws.registry.repositories.get(`shop/${repository}`)?.manifest(tag);
const asked = (): Set<string> => new Set(cli.world.faults.calls.splice(0).map(({ service }) => service));

it('carries images to ECR through a folder, with the same digests', async () => {
  expect(await write(`${nginx} ${exporter}`)).toMatchObject({ code: 0 });
  expect([...asked()].sort()).not.toEqual(expect.arrayContaining(['ecr', 'sts', 'kubernetes']) as string[]);
  expect(names()).toEqual(expect.arrayContaining([nginx, exporter]) as string[]);
  expectValid();

  const carried = await read();
  expect(carried).toMatchObject({ code: 0, stdout: expect.stringContaining('2 copied') as string });
  expect(asked()).not.toContain('source');
  expect(inEcr('docker.io/library/nginx', '1.27')?.digest).toBe(digestOf(nginx));
  expect(await read()).toMatchObject({ code: 0, stdout: expect.stringContaining('2 current') as string });
});

it('needs neither AWS, a cluster, a project nor a region to write a folder', async () => {
  await write(nginx);
  const services = asked();
  expect([...services]).toEqual(expect.arrayContaining(['source', 'web']) as string[]);
  for (const service of ['ecr', 'sts', 'iam', 'registry', 'kubernetes'])
    expect(services).not.toContain(service);
});

it('writes the images of the configuration without references, for up on the other side', async () => {
  const file = join(cli.folder, 'list.yaml');
  writeFileSync(file, `images:\n  list: ["${exporter}"]\n`);
  await write('', `--platform linux/amd64 -c ${file}`);
  expect(names().sort()).toEqual([
    'docker.io/library/busybox:1.37',
    'external-secrets.yaml',
    'ghcr.io/external-secrets/external-secrets:v0.12.1',
    exporter,
  ]);
});

it("stores the operator's YAML under its SHA-256 and prints the checksum", async () => {
  const { stdout } = await write(nginx);
  const sha256 = createHash('sha256').update(operatorManifest()).digest('hex');
  expect(stdout).toContain(`The operator's YAML has the SHA-256 ${sha256}.`);
  expect(readFileSync(blobOf(`sha256:${sha256}`), 'utf8')).toBe(operatorManifest());
  const entry = index().manifests.find(({ artifactType }) => artifactType !== undefined);
  const manifest = JSON.parse(readFileSync(blobOf(entry?.digest ?? ''), 'utf8')) as object;
  expect(manifest).toMatchObject({
    artifactType: entry?.artifactType,
    config: { mediaType: 'application/vnd.oci.empty.v1+json' },
    layers: [
      {
        digest: `sha256:${sha256}`,
        annotations: { 'org.opencontainers.image.title': 'external-secrets.yaml' },
      },
    ],
  });
});

it("writes the images even if the operator's YAML cannot be downloaded, and then fails", async () => {
  cli.world.faults.plan({ kind: 'error', service: 'web' });
  const { code, stdout, stderr } = await write(nginx);
  expect(code).toBe(2);
  expect(stdout).toContain('1 copied');
  expect(stderr).toContain('[manifest-unusable]');
  expect(names()).toEqual([nginx]);
});

it('sets up the cluster from a folder alone, without a request to a registry or to GitHub', async () => {
  expect((await write('')).code).toBe(0);
  const list = await cli.run('images --from-cluster -q');
  writeFileSync(join(cli.folder, 'images.txt'), list.stdout);
  expect((await write('--from-file images.txt')).code).toBe(0);
  asked();
  const up = await cli.run('up --yes --from oci:images');
  expect(up, up.stderr + up.stdout).toMatchObject({ code: 0 });
  const services = asked();
  for (const service of ['source', 'web']) expect(services).not.toContain(service);
  expect(inEcr('external-secrets', 'v0.12.1')).toBeDefined();
  const again = await cli.run('up --yes --from oci:images');
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing to change') as string });
  asked();
  expect((await cli.run('status')).code).toBe(0);
  expect(asked()).not.toContain('web');
});

it('adds only what is new in a second run', async () => {
  await write(nginx);
  const before = new Map(blobs().map((name) => [name, statSync(join(folder, 'blobs/sha256', name)).mtimeMs]));
  cli.world.faults.calls.splice(0);
  const { stdout } = await write(`${nginx} ${exporter}`);
  expect(stdout).toContain('1 copied');
  expect(stdout).toContain('1 current');
  const read = cli.world.faults.calls.filter(
    ({ service, operation }) => service === 'source' && /Blob/.test(operation),
  );
  expect(new Set(read.map(({ resource }) => resource))).toEqual(
    new Set(['quay.io/prometheus/node-exporter']),
  );
  for (const [name, time] of before) expect(statSync(join(folder, 'blobs/sha256', name)).mtimeMs).toBe(time);
  expectValid();
});

it('finds the images of a folder from another machine current, for several platforms too', async () => {
  const several = '--platform linux/amd64,linux/arm64';
  await write(nginx, several);
  const { stdout } = await cli.run(`mirror --to oci:images ${nginx} ${several}`, {
    env: { ...outside, ...fresh() },
  });
  expect(stdout).toContain('0 copied, 1 current');
});

it('keeps a valid folder when it is interrupted, and resumes', async () => {
  const interrupt = new AbortController();
  const stop = cli.world.faults.onCall(({ service, operation }) => {
    if (service === 'source' && /Blob/.test(operation)) interrupt.abort(new Error('interrupted'));
  });
  const flags = `mirror --to oci:images ${nginx} ${exporter} --platform linux/amd64`;
  const { code } = await cli.run(flags, { env: outside, signal: interrupt.signal });
  expect(code).not.toBe(0);
  stop();
  expectValid();
  expect(await write(`${nginx} ${exporter}`)).toMatchObject({ code: 0 });
  expect(names()).toEqual(expect.arrayContaining([nginx, exporter]) as string[]);
  expectValid();
});

it('accepts two runs into one folder at once', async () => {
  const [one, other] = await Promise.all([write(nginx), write(exporter)]);
  expect([one.code, other.code]).toEqual([0, 0]);
  expect(names().sort()).toEqual([nginx, 'external-secrets.yaml', exporter].sort());
  expectValid();
});

it('moves a tag, and keeps it with --no-clobber', async () => {
  await write(nginx);
  const before = digestOf(nginx);
  expect((await write(nginx, '--platform all --no-clobber')).stdout).toContain('1 kept');
  expect(digestOf(nginx)).toBe(before);
  expect((await write(nginx, '--platform all')).stdout).toContain('1 copied');
  expect(digestOf(nginx)).not.toBe(before);
  expect(names().filter((name) => name === nginx)).toHaveLength(1);
});

it('carries an image that is pinned by its digest', async () => {
  await write(nginx, '--platform all');
  const digest = digestOf(nginx);
  const pinned = `docker.io/library/nginx@${digest}`;
  rmSync(folder, { recursive: true });
  await write(pinned);
  expect(names()).toContain(pinned);
  expect((await read()).code).toBe(0);
  expect(inEcr('docker.io/library/nginx', digest)?.digest).toBe(digest);
});

it('takes only the given references from a folder', async () => {
  await write(`${nginx} ${exporter}`);
  expect(await read('nginx:1.27', '-q')).toMatchObject({ code: 0 });
  expect(inEcr('docker.io/library/nginx', '1.27')).toBeDefined();
  expect(inEcr('quay.io/prometheus/node-exporter', 'v1.9.0')).toBeUndefined();
});

it('reports an image that the folder does not have, with the command that adds it', async () => {
  await write(nginx);
  const { code, stdout, stderr } = await read('redis:7');
  expect(code).toBe(1);
  expect(stdout + stderr).toContain('oci:images does not have it');
  const [, fix = ''] = /`ecr-bootstrap (mirror --to oci:images [^`]+)`/.exec(stdout + stderr) ?? [];
  expect(fix).toContain('docker.io/library/redis:7');
  cli.world.sources.get('docker.io')?.seed('library/redis', '7');
  expect((await cli.run(fix, { env: outside })).code).toBe(0);
  expect((await read('redis:7')).code).toBe(0);
});

it('reports a tag of several images without names, and not that the folder does not have it', async () => {
  await write(`${nginx} ${exporter}`);
  const { manifests, ...rest } = index();
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' };
  const tagged = manifests.map((entry) =>
    entry.artifactType === undefined ? { ...entry, annotations } : entry,
  );
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...rest, manifests: tagged }));
  const { code, stdout, stderr } = await read('nginx:latest');
  expect(code).toBe(1);
  expect((stdout + stderr).replace(/\s+/g, ' ')).toContain(
    'several images of oci:images have this tag, and no full name',
  );
});

it('warns of a folder without images', async () => {
  await write(nginx);
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...index(), manifests: [] }));
  const { code, stderr } = await read();
  expect(code).toBe(0);
  expect(stderr).toContain('oci:images has no images; nothing to mirror.');
});

it("fails up before any change if the folder does not have the operator's image", async () => {
  await write(nginx);
  const before = cli.world.faults.changes.length;
  const { code, stderr } = await cli.run('up --yes --from oci:images');
  expect(code).toBeGreaterThan(0);
  expect(stderr).toContain('external-secrets:v0.12.1');
  expect(stderr).toContain('oci:images does not have it');
  expect(cli.world.faults.changes.slice(before)).toEqual([]);
});

it('prints the references of skopeo with -q, and writes nothing in a dry run', async () => {
  expect(await write(nginx, '--platform all --dry-run -q')).toMatchObject({
    code: 0,
    stdout: `oci:images:${nginx}\n`,
  });
  expect(() => readdirSync(folder)).toThrow('ENOENT');
});

/** Changes the names in the index, as if another tool had written it. */
function rename(annotations: Readonly<Record<string, string>> | undefined): void {
  const { manifests, ...rest } = index();
  const [first] = manifests.filter(({ artifactType }) => artifactType === undefined);
  writeFileSync(
    join(folder, 'index.json'),
    JSON.stringify({ ...rest, manifests: [{ ...first, annotations }] }),
  );
}

it.each([
  ['only a tag, as regctl writes it', { 'org.opencontainers.image.ref.name': '1.27' }],
  ['no name', undefined],
])('finds an image with %s by its reference, and asks for one otherwise', async (_, annotations) => {
  await write(nginx);
  rename(annotations);
  const all = await read();
  expect(all.code).toBe(1);
  expect(all.stdout + all.stderr).toContain('the layout has no full name for it');
  expect(await read(nginx)).toMatchObject({ code: 0 });
});

it('reads the names that crane and docker save write', async () => {
  await write(nginx);
  rename({ 'org.opencontainers.image.ref.name': 'index.docker.io/library/nginx:1.27' });
  expect(await read('', '-q')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/nginx:1\.27$/m) as string,
  });
  rename({ 'io.containerd.image.name': exporter, 'org.opencontainers.image.ref.name': 'v1.9.0' });
  expect(await read('', '-q')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/exporter:v1\.9\.0$/m) as string,
  });
});

const layerOf = (name: string): string => {
  const manifest = JSON.parse(readFileSync(blobOf(digestOf(name)), 'utf8')) as {
    layers: { digest: string }[];
  };
  return blobOf(manifest.layers[0]?.digest ?? '');
};
const fresh = () => ({ XDG_CACHE_HOME: join(cli.folder, 'other-cache') });

it.each([
  ['is truncated', (path: string) => truncateSync(path, 10)],
  ['is missing', (path: string) => rmSync(path)],
  ['has another digest', (path: string) => writeFileSync(path, Buffer.alloc(statSync(path).size, 1))],
])('fails an image with a layer that %s, and copies the others', async (_, damage) => {
  await write(`${nginx} ${exporter}`);
  damage(layerOf(nginx));
  const { code, stdout, stderr } = await read();
  expect(code).toBe(1);
  expect(stdout + stderr).toContain('[image-corrupt]');
  expect(stdout + stderr).toContain('ecr-bootstrap mirror --to oci:images');
  expect(inEcr('docker.io/library/nginx', '1.27')).toBeUndefined();
  expect(inEcr('quay.io/prometheus/node-exporter', 'v1.9.0')).toBeDefined();
});

it.each([
  ['is truncated', (path: string) => truncateSync(path, 10)],
  ['is missing', (path: string) => rmSync(path)],
])('completes an image with a layer that %s', async (_, damage) => {
  await write(nginx);
  damage(layerOf(nginx));
  expect((await write(nginx)).stdout).toContain('1 copied');
  expectValid();
  expect(await read()).toMatchObject({ code: 0 });
});

it('fails an image whose manifest has another digest', async () => {
  await write(nginx);
  writeFileSync(blobOf(digestOf(nginx)), '{"schemaVersion": 2}');
  const { code, stdout, stderr } = await cli.run('mirror --from oci:images', { env: fresh() });
  expect(code).toBe(1);
  expect(stdout + stderr).toContain('has other content');
});

it.each([
  ['a truncated index', () => truncateSync(join(folder, 'index.json'), 40), 'incomplete or not JSON'],
  ['no index', () => rmSync(join(folder, 'index.json')), 'no index.json'],
  ['no version', () => writeFileSync(join(folder, 'oci-layout'), '{}'), 'has no version 1'],
  ['an index without a list', () => writeFileSync(join(folder, 'index.json'), '{}'), 'no list of manifests'],
  [
    'a digest that climbs out',
    () => writeFileSync(join(folder, 'index.json'), '{"manifests":[{"digest":"sha256:../../../secret"}]}'),
    'an entry without a valid digest',
  ],
  [
    'a link that leads out',
    () => {
      const path = blobOf(digestOf(nginx));
      renameSync(path, join(cli.folder, 'outside'));
      symlinkSync(join(cli.folder, 'outside'), path);
    },
    'leads out of it',
  ],
  [
    'a folder of blobs that leads out',
    () => {
      renameSync(join(folder, 'blobs'), join(cli.folder, 'elsewhere'));
      symlinkSync(join(cli.folder, 'elsewhere'), join(folder, 'blobs'));
    },
    'leads out of it',
  ],
])('refuses a folder with %s', async (_, damage, why) => {
  await write(nginx);
  damage();
  const { code, stdout, stderr } = await cli.run('mirror --from oci:images', { env: fresh() });
  expect(code).toBeGreaterThan(0);
  expect(stdout + stderr).toContain('[layout-invalid]');
  expect(stdout + stderr).toContain(why);
});

it('refuses a folder that does not exist, and one with other files', async () => {
  expect(await read()).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('[layout-invalid]') as string,
  });
  mkdirSync(folder);
  writeFileSync(join(folder, 'notes.txt'), '');
  const { code, stderr } = await write(nginx);
  expect(code).toBe(2);
  expect(stderr).toContain('the folder has other files, for example notes.txt');
  expect(readdirSync(folder)).toEqual(['notes.txt']);
});

it.each([
  ['--to oci:images', 'Pass --platform linux/amd64'],
  ['--to images', 'Write oci:FOLDER'],
  ['--to oci:a --from oci:b --platform all', 'cannot be used with'],
  ['--to oci:a --engine docker --platform all', 'cannot be used with'],
  ['--from oci:a --engine docker', 'cannot be used with'],
])('refuses %s', async (flags, hint) => {
  const { code, stderr } = await cli.run(`mirror nginx ${flags}`);
  expect(code).toBe(2);
  expect(stderr).toContain(hint);
});
