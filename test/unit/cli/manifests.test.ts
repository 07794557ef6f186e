import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

interface Row {
  readonly source: string;
  readonly present: boolean | 'unknown';
  readonly usedBy: readonly string[];
}

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
  await cli.run('mirror docker.io/library/nginx:1.27 --platform linux/amd64');
});
afterAll(() => cli.close());

/** CI has no kubeconfig. */
const env = { KUBECONFIG: '/nonexistent/kubeconfig', HOME: '/nonexistent' };

const object = (kind: string, name: string, rest: object): string =>
  `---\n${JSON.stringify({ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop' }, ...rest })}\n`;
const podOf = (...images: readonly unknown[]) => ({
  spec: { containers: images.map((image) => ({ image })) },
});
const deployment = (name: string, ...images: readonly unknown[]) =>
  object('Deployment', name, { spec: { template: podOf(...images) } });

async function rows(stdin: string, flags = ''): Promise<Row[]> {
  const { document } = await cli.json(`images --from-manifests - ${flags}`, { env, stdin });
  return (document['images'] as { images: Row[] }).images;
}

const check = (stdin: string, flags = '') =>
  cli.run(`images --from-manifests - --check ${flags}`, { env, stdin });

it('finds the images of every kind of workload, with the objects that use them', async () => {
  const spec = {
    initContainers: [{ image: 'init:1' }],
    containers: [{ image: 'main:1' }, { name: 'injected' }],
    ephemeralContainers: [{ image: 'debug:1' }],
    volumes: [{ image: { reference: 'volume:1' } }, { emptyDir: {} }],
  };
  const kinds = [
    'Deployment',
    'DaemonSet',
    'StatefulSet',
    'ReplicaSet',
    'ReplicationController',
    'Job',
    'Rollout',
  ];
  const manifests = [
    object('Pod', 'bare', { spec }),
    ...kinds.map((kind) => object(kind, 'web', { spec: { template: podOf(`${kind.toLowerCase()}:1`) } })),
    object('CronJob', 'nightly', { spec: { jobTemplate: { spec: { template: podOf('cron:1') } } } }),
    object('PodTemplate', 'template', { template: podOf('template:1') }),
    object('ConfigMap', 'settings', { data: { image: 'not-an-image:1' } }),
  ];
  const found = await rows(manifests.join(''));
  const names = [
    'init',
    'main',
    'debug',
    'volume',
    'cron',
    'template',
    ...kinds.map((kind) => kind.toLowerCase()),
  ];
  expect(found.map(({ source }) => source)).toEqual(
    names.sort().map((name) => `docker.io/library/${name}:1`),
  );
  expect(found.find(({ source }) => source.endsWith('/cron:1'))?.usedBy).toEqual(['CronJob shop/nightly']);
});

it('lists what is in ECR and what is missing, like other lists of images', async () => {
  const { code, stdout } = await cli.run('images --from-manifests -', {
    env,
    stdin: deployment('web', 'nginx:1.27', 'ghcr.io/acme/web:2'),
    columns: 80,
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/✗ ghcr\.io\/acme\/web:2 +missing +deploy shop\/web/);
  expect(stdout).toMatch(/✓ docker\.io\/library\/nginx:1\.27 +yes +deploy shop\/web/);
  expect(stdout).toContain('2 images: 1 in ECR, 1 missing.');
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

it('reads a file too, and prints its images as a list for mirror', async () => {
  writeFileSync(join(cli.folder, 'release.yaml'), deployment('web', 'nginx:1.27', 'ghcr.io/acme/web:2'));
  const list = await cli.run('images --from-manifests release.yaml -q', { env });
  expect(list).toMatchObject({ code: 0, stdout: 'docker.io/library/nginx:1.27\nghcr.io/acme/web:2\n' });
  const { stdout } = await cli.run('images --from-manifests release.yaml', { env });
  expect(stdout).toContain('add this: -q | ecr-bootstrap mirror --from-file -');
});

it('exits 3 with --check and names only what is not in ECR', async () => {
  const stdin = deployment('web', 'nginx:1.27', 'ghcr.io/acme/web:2');
  expect(await check(stdin, '-q')).toMatchObject({ code: 3, stdout: 'ghcr.io/acme/web:2\n' });
  const { code, stdout } = await check(stdin);
  expect(code).toBe(3);
  expect(stdout).toContain('ghcr.io/acme/web:2');
  expect(stdout).not.toContain('nginx:1.27');
});

it('exits 0 with --check when ECR has every image, under its public name or its name in ECR', async () => {
  const host = `${cli.world.account}.dkr.ecr.eu-west-1.amazonaws.com`;
  const stdin = deployment('web', 'nginx:1.27', `${host}/shop/docker.io/library/nginx:1.27`);
  expect(await check(stdin)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('No image is missing') as string,
  });
});

it('checks images of the project that were pushed to ECR and have no source', async () => {
  const host = `${cli.world.account}.dkr.ecr.eu-west-1.amazonaws.com`;
  cli.world.aws.registry.seed('shop/own/app', '1');
  const stdin = deployment('web', `${host}/shop/own/app:1`, `${host}/shop/own/app:2`, `${host}/shop/none`);
  const missing = [`${host}/shop/own/app:2`, `${host}/shop/none:latest`];
  expect(await check(stdin, '-q')).toMatchObject({ code: 3, stdout: `${missing.join('\n')}\n` });
  expect((await rows(stdin)).map(({ source, present }) => [source, present])).toEqual([
    [`${host}/shop/own/app:1`, true],
    ...missing.map((source) => [source, false]),
  ]);
  expect(await check(deployment('web', `${host}/shop/own/app:1`), '-q')).toMatchObject({
    code: 0,
    stdout: '',
  });
  const list = await cli.run('images --from-manifests - -q', {
    env,
    stdin: deployment('web', `${host}/shop/own/app:1`),
  });
  expect(list.stdout).toBe('');
});

it('skips images of other projects of the registry, which it may not read', async () => {
  const host = `${cli.world.account}.dkr.ecr.eu-west-1.amazonaws.com`;
  expect((await check(deployment('web', `${host}/other/app:1`))).code).toBe(0);
});

it('suggests to mirror only what has a source', async () => {
  const host = `${cli.world.account}.dkr.ecr.eu-west-1.amazonaws.com`;
  const { code, stdout } = await check(deployment('web', `${host}/shop/own/never:1`));
  expect(code).toBe(3);
  expect(stdout).not.toContain('mirror --from-file');
});

it('does not say that nothing is missing when an image could not be read', async () => {
  const { code, stdout, stderr } = await check(deployment('web', '${IMG}'));
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('could not read the image reference');
});

it('names the chosen platforms in the command that copies what is missing', async () => {
  const { stdout } = await check(deployment('web', 'nginx:1.27'), '--platform linux/amd64,linux/arm64');
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    'add this: -q | ecr-bootstrap mirror --from-file - --platform linux/amd64,linux/arm64',
  );
});

it('refuses a file that is given twice', async () => {
  const { code, stderr } = await check(deployment('web', 'nginx:1.27'), '--from-manifests -');
  expect(code).toBe(2);
  expect(stderr).toContain('--from-manifests is given twice with the same file');
});

it('skips images that were pushed to ECR and that images.exclude matches', async () => {
  const host = `${cli.world.account}.dkr.ecr.eu-west-1.amazonaws.com`;
  writeFileSync(join(cli.folder, 'excluding.yaml'), `images: { exclude: ["${host}/shop/own/*"] }\n`);
  expect((await check(deployment('web', `${host}/shop/own/never:1`))).code).toBe(3);
  expect((await check(deployment('web', `${host}/shop/own/never:1`), '-c excluding.yaml')).code).toBe(0);
});

it('reads several files', async () => {
  writeFileSync(join(cli.folder, 'one.yaml'), deployment('web', 'never:1'));
  writeFileSync(join(cli.folder, 'two.yaml'), deployment('web', 'nginx:1.27'));
  const { code, stdout } = await cli.run(
    'images --from-manifests one.yaml --from-manifests two.yaml --check -q',
    { env },
  );
  expect([code, stdout]).toEqual([3, 'docker.io/library/never:1\n']);
});

it('checks platforms only if they are chosen, because it asks no cluster', async () => {
  const stdin = deployment('web', 'nginx:1.27');
  expect((await check(stdin)).code).toBe(0);
  const { code, stdout } = await check(stdin, '--platform linux/amd64,linux/arm64');
  expect(code).toBe(3);
  expect(stdout).toContain('no linux/arm64');
});

it('sends no request to the cluster, even if there is one', async () => {
  const { calls } = cli.world.faults;
  calls.splice(0);
  const stdin = deployment('web', 'nginx:1.27');
  expect((await cli.run('images --from-manifests - --check', { stdin })).code).toBe(0);
  const asked = new Set(calls.map(({ service }) => service));
  expect([...asked]).toContain('ecr');
  expect([...asked]).not.toContain('kubernetes');
});

it('skips images that the configuration excludes', async () => {
  const config = join(cli.folder, 'exclude.yaml');
  writeFileSync(config, 'images:\n  exclude: ["ghcr.io/acme/*", auto]\n');
  const stdin = deployment('web', 'nginx:1.27', 'ghcr.io/acme/web:2', 'auto');
  const { code } = await cli.run(`-c ${config} images --from-manifests - --check`, { env, stdin });
  expect(code).toBe(0);
});

it.each([
  ['a quoted template', '"{{ .Values.image }}"'],
  ['a template', '{{ .Values.image }}'],
  ['a variable of a shell', 'registry.example.com/${APP}:1'],
  ['a number', '1.27'],
  ['an empty text', '""'],
])('fails with --check when an image is %s, and lists the other images', async (_, image) => {
  const stdin = `${deployment('web', 'ghcr.io/acme/web:2')}---
apiVersion: apps/v1
kind: Deployment
metadata: {name: broken}
spec:
  template:
    spec:
      containers:
        - image: ${image}
`;
  const { code, stdout, stderr } = await check(stdin);
  expect(code).toBe(2);
  expect(stdout).toContain('ghcr.io/acme/web:2');
  expect(stderr).toContain('Deployment broken');
  expect(stderr).toContain('[reference-invalid]');
});

it('fails with --check when ECR cannot be asked about a repository', async () => {
  const undo = cli.world.faults.plan({
    kind: 'deny',
    service: 'ecr',
    operation: 'BatchGetImage',
    resource: 'shop/docker.io/library/nginx',
  });
  const { code, stderr } = await check(deployment('web', 'nginx:1.27'));
  undo();
  expect(code).toBe(1);
  expect(stderr).toContain('shop/docker.io/library/nginx');
});

it.each([
  ['no YAML', 'a: [', 'document 1 (line 1) is not valid YAML'],
  [
    'a template that was not rendered',
    `${deployment('a', 'b')}---\n{{- if .Values.x }}\n`,
    'document 2 (line 3)',
  ],
  ['a web page', '<html></html>', 'not a Kubernetes object'],
  ['values of a chart', 'image: {tag: 1}', 'not a Kubernetes object'],
  ['empty, as after a tool that failed', '', 'it has no Kubernetes object'],
  ['an alias bomb', `a: &a [x, x]\n${doubled(40)}`, 'its aliases stand for too many values'],
])('refuses input that is %s', async (_, stdin, why) => {
  const { code, stderr } = await check(stdin);
  expect(code).toBe(2);
  expect(stderr).toContain(why);
  expect(stderr).toContain('helm template');
  expect(stderr).toContain('[manifests-invalid]');
});

function doubled(times: number): string {
  return Array.from(
    { length: times },
    (_, at) => `a${at}: &a${at} [*a${at > 0 ? at - 1 : ''}, *a${at > 0 ? at - 1 : ''}]`,
  ).join('\n');
}

it('reads a stream of 50 MB', async () => {
  const settings = object('ConfigMap', 'large', { data: { text: 'x'.repeat(1_000_000) } });
  const stdin = `${settings.repeat(50)}${deployment('web', 'ghcr.io/acme/web:2')}`;
  expect(await check(stdin, '-q')).toMatchObject({ code: 3, stdout: 'ghcr.io/acme/web:2\n' });
});

it('refuses a stream that does not end', async () => {
  const { code, stderr } = await check('#\n'.repeat(70_000_000));
  expect(code).toBe(2);
  expect(stderr).toContain('it is larger than 128 MiB');
});

it.each(['--from-cluster', '--outside'])('refuses --from-manifests together with %s', async (flag) => {
  expect((await cli.run(`images --from-manifests - ${flag}`, { env })).code).toBe(2);
});
