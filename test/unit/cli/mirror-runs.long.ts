import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openCli, type Cli } from '../../support/cli.ts';
import { makeImage } from '../../support/images.ts';
import { OciServer } from '../../support/oci-server.ts';

let cli: Cli;
let source: OciServer;
beforeAll(async () => {
  [cli, source] = await Promise.all([openCli({}, { fast: true }), OciServer.start()]);
  cli.world.aws.registry.settings.set('BLOB_MOUNTING', 'ENABLED');
});
afterEach(() => void (source.misbehavior = () => undefined));
afterAll(() => Promise.all([cli.close(), source.close()]));

const flags = '--platform all --engine registry';
const image = (...layers: string[]) => makeImage({ os: 'linux', architecture: 'amd64' }, layers);
const repository = (name: string) => `shop/${source.host.replace(':', '_')}/${name}`;
const tagsOf = (name: string) => cli.world.aws.registry.repositories.get(repository(name))?.tags;

interface Row {
  readonly source: string;
  readonly state: string;
  readonly bytesSent: number;
  readonly bytesMounted: number;
  readonly error?: { readonly code: string; readonly hint: string };
}
const rowsOf = (document: { readonly [field: string]: unknown }) =>
  (document['mirror'] as { images: readonly Row[] }).images;

function list(references: readonly string[]): string {
  writeFileSync(join(cli.folder, 'list.txt'), references.map((reference) => `${reference}\n`).join(''));
  return 'list.txt';
}

describe('a mirror run that is stopped by Ctrl-C', () => {
  it('tags no incomplete image, lists the images that were not copied, and is completed by the next run', async () => {
    const names = ['stopped/one', 'stopped/two', 'stopped/three'];
    for (const name of names) source.put(name, '1', [image(`of ${name}`, 'shared')]);
    const references = names.map((name) => `${source.host}/${name}:1`);
    const interrupt = new AbortController();
    const stop = cli.world.faults.onCall(({ service, operation }) => {
      if (service === 'registry' && operation === 'PutManifest') interrupt.abort();
    });
    const line = `mirror -f ${list(references)} ${flags} --failed-to left.txt`;
    const { code } = await cli.run(line, { signal: interrupt.signal });
    stop();
    expect(code).not.toBe(0);
    const left = readFileSync(join(cli.folder, 'left.txt'), 'utf8').split('\n').filter(Boolean);
    const arrived = names.filter((name) => tagsOf(name)?.has('1'));
    const copied = references.filter((reference) => !left.includes(reference));
    expect(copied.length).toBeLessThan(names.length);
    // A tag may be stored although its response was not awaited, but no image is reported as copied without its
    // tag.
    expect(arrived.map((name) => `${source.host}/${name}:1`)).toEqual(expect.arrayContaining(copied));

    const { document } = await cli.json(`mirror -f left.txt ${flags}`);
    expect(document.ok).toBe(true);
    for (const name of names) expect(tagsOf(name)?.has('1')).toBe(true);
  });
});

it('looks up a thousand references of one list with one request to the source for each', async () => {
  const tags = Array.from({ length: 100 }, (_, number) => `v${number}`);
  const names = Array.from({ length: 10 }, (_, number) => `many/app-${number}`);
  const one = image('alike');
  for (const name of names) for (const tag of tags) source.put(name, tag, [one]);
  const file = list(names.flatMap((name) => tags.map((tag) => `${source.host}/${name}:${tag}`)));
  source.requests.splice(0);
  const { document } = await cli.json(`mirror -f ${file} --dry-run ${flags}`);
  expect(rowsOf(document)).toHaveLength(1000);
  expect(new Set(rowsOf(document).map(({ state }) => state))).toEqual(new Set(['would-copy']));
  expect(source.counts()['GET manifests']).toBe(1000);
}, 60_000);

it('copies a reference once even if it is given several times in different forms', async () => {
  source.put('twice', 'latest', [image('twice')]);
  const { document } = await cli.json(
    `mirror ${source.host}/twice ${source.host}/twice:latest -f ${list([`${source.host}/twice`])} ${flags}`,
  );
  expect(rowsOf(document)).toMatchObject([{ source: `${source.host}/twice:latest`, state: 'copied' }]);
});

it('reports bytes that another repository in ECR already has as mounted', async () => {
  for (const name of ['mounted/one', 'mounted/two']) source.put(name, '1', [image('a base', `of ${name}`)]);
  const { document } = await cli.json(
    `mirror ${source.host}/mounted/one:1 ${source.host}/mounted/two:1 ${flags}`,
  );
  const base = image('a base').layers[0]!.bytes.length;
  expect(
    rowsOf(document)
      .map(({ bytesMounted }) => bytesMounted)
      .toSorted(),
  ).toEqual([0, expect.any(Number)]);
  expect(Math.max(...rowsOf(document).map(({ bytesMounted }) => bytesMounted))).toBeGreaterThanOrEqual(base);
});

describe('a rejected login', () => {
  it('at a source fails only the images of that source, and the error says how to log in', async () => {
    source.put('open', '1', [image('open')]);
    source.put('closed', '1', [image('closed')]);
    source.misbehavior = ({ repository: name }) =>
      name === 'closed'
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="here"' }, body: '{}' }
        : undefined;
    const { code, document } = await cli.json(
      `mirror ${source.host}/open:1 ${source.host}/closed:1 ${flags}`,
    );
    expect(code).toBe(1);
    expect(rowsOf(document)).toMatchObject([
      {
        source: `${source.host}/closed:1`,
        state: 'failed',
        error: { code: 'registry-denied', hint: expect.stringContaining('docker login') as string },
      },
      { source: `${source.host}/open:1`, state: 'copied' },
    ]);
    expect(tagsOf('closed')).toBeUndefined();
  });

  it('at ECR fails all images, and the error names the policy command', async () => {
    source.put('refused', '1', [image('refused')]);
    const take = cli.world.faults.plan({ kind: 'deny', service: 'registry' });
    const { code, document } = await cli.json(`mirror ${source.host}/refused:1 ${flags}`);
    take();
    expect(code).toBe(1);
    expect(rowsOf(document)).toMatchObject([
      {
        state: 'failed',
        error: { code: 'registry-denied', hint: expect.stringContaining('ecr-bootstrap policy') as string },
      },
    ]);
  });
});

it('reports an unreachable cluster with an error that suggests --platform', async () => {
  const kubeconfig = join(cli.folder, 'elsewhere');
  const { cluster, caPem } = cli.world;
  writeFileSync(kubeconfig, cluster.kubeconfig('https://elsewhere.sandbox:6443', caPem));
  source.put('app', '1', [image('app')]);
  const line = `mirror ${source.host}/app:1 --engine registry --kubeconfig ${kubeconfig}`;
  const { code, document } = await cli.json(line);
  expect(code).toBe(2);
  expect(document.error).toMatchObject({
    code: 'platform-unknown',
    hint: expect.stringContaining('--platform') as string,
  });
  expect((await cli.json(`${line} --platform linux/amd64`)).document.ok).toBe(true);
});

it('connects to a source without TLS only when --insecure-registry names its host', async () => {
  source.put('plain', '1', [image('plain')]);
  // An address of this machine that does not count as loopback.
  const host = source.host.replace('127.0.0.1', '0.0.0.0');
  const line = `mirror ${host}/plain:1 ${flags}`;
  source.requests.splice(0);
  const refused = await cli.json(line);
  expect(rowsOf(refused.document)).toMatchObject([{ state: 'failed' }]);
  expect(source.requests).toEqual([]);
  const { document } = await cli.json(`${line} --insecure-registry ${host}`);
  expect(rowsOf(document)).toMatchObject([{ source: `${host}/plain:1`, state: 'copied' }]);
});
