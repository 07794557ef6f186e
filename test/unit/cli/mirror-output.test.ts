import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCli, type Cli } from '../../support/cli.ts';
import { makeImage, makeIndex } from '../../support/images.ts';
import { OciServer } from '../../support/oci-server.ts';

let cli: Cli;
let source: OciServer;
const image = makeImage({ os: 'linux', architecture: 'amd64' }, ['content']);

beforeAll(async () => {
  [cli, source] = await Promise.all([openCli({}, { fast: true }), OciServer.start()]);
});
afterAll(() => Promise.all([cli.close(), source.close()]));

const flags = '--platform all --engine registry';
const imagesOf = (document: { readonly [field: string]: unknown }) =>
  (document['mirror'] as { images: readonly Record<string, unknown>[] }).images;

it('a pipe gets one line for each image when it is copied or current, and every failure once', async () => {
  source.put('piped', '1', [image]);
  source.put('piped', '2', [image]);
  const [one, two, gone] = ['piped:1', 'piped:2', 'gone:1'].map((name) => `${source.host}/${name}`);
  await cli.run(`mirror ${one} ${flags}`);
  const { stdout, stderr } = await cli.run(`mirror ${one} ${two} ${gone} ${flags}`);
  const lines = stderr.split('\n').filter((line) => /^ {2}(current|copied|failed) /.test(line));
  expect(lines.toSorted()).toEqual([
    expect.stringMatching(`^  copied     ${two}  [0-9]`) as string,
    expect.stringMatching(`^  current    ${one}  [0-9]`) as string,
  ]);
  expect(`${stdout}${stderr}`.match(/has no such image/g)).toHaveLength(1);
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    `${gone}: ${source.host} has no such image [image-missing] fix:`,
  );
  expect(stderr).toContain('error: 1 of 3 images failed [mirror-incomplete]\n');
  expect(stderr).toContain(`why: ${gone}; the output shows`);
});

it('a copy with many manifests reports at its start how long they take at least', async () => {
  const variants = Array.from({ length: 49 }, (_, number) =>
    makeImage({ os: 'linux', architecture: 'arm', variant: `v${number}` }, ['content']),
  );
  source.put('many', '1', variants, makeIndex(variants));
  const { stderr } = await cli.run(`mirror ${source.host}/many:1 ${flags}`);
  expect(stderr).toContain('50 manifests take at least 5 s: ECR accepts 10 manifests a second');
  const again = await cli.run(`mirror ${source.host}/many:1 ${flags}`);
  expect(again.stderr).not.toContain('at least');
});

describe('an image in the JSON document', () => {
  it('has its source, target, digests, platforms, bytes, requests and seconds', async () => {
    source.put('told', '1', [image]);
    const { document } = await cli.json(`mirror ${source.host}/told:1 ${flags}`);
    const bytes = image.config.bytes.length + image.layers[0]!.bytes.length;
    expect(imagesOf(document)).toEqual([
      expect.objectContaining({
        source: `${source.host}/told:1`,
        target: `${cli.world.registryHost}/shop/${source.host.replace(':', '_')}/told:1`,
        state: 'copied',
        sourceDigest: image.manifest.digest,
        targetDigest: image.manifest.digest,
        platforms: ['linux/amd64'],
        bytesSent: bytes,
        bytesMounted: 0,
        bytesSkipped: 0,
        requests: expect.any(Number) as number,
        seconds: expect.any(Number) as number,
      }),
    ]);
    const [again] = imagesOf((await cli.json(`mirror ${source.host}/told:1 ${flags}`)).document);
    expect(again).toMatchObject({ state: 'current', bytesSent: 0, bytesSkipped: bytes, requests: 2 });
  });

  it('has the three parts of its error', async () => {
    const { document } = await cli.json(`mirror ${source.host}/none:1 ${flags}`);
    expect(imagesOf(document)).toMatchObject([
      {
        source: `${source.host}/none:1`,
        state: 'failed',
        error: {
          code: 'image-missing',
          what: expect.stringContaining('none:1') as string,
          why: expect.stringMatching(/\S/) as string,
          hint: expect.stringMatching(/\S/) as string,
        },
      },
    ]);
  });
});

it('names the image in the error if no other image was to be copied', async () => {
  const { stderr } = await cli.run(`mirror ${source.host}/none:1 ${flags}`);
  expect(stderr).toContain(`error: could not mirror ${source.host}/none:1 [mirror-incomplete]\n`);
  expect(stderr).toContain('why: the output shows the reason and the fix\n');
});

describe('mirror -q', () => {
  it('prints the usable references, and names every failed image with its cause', async () => {
    source.put('quiet', '1', [image]);
    const [good, ...missing] = ['quiet:1', 'none:1', 'none:2'].map((name) => `${source.host}/${name}`);
    const { code, stdout, stderr } = await cli.run(`mirror -q ${good} ${missing.join(' ')} ${flags}`);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^\S+\/quiet:1\n$/);
    expect(stderr).toContain('error: could not mirror 2 of 3 images [mirror-incomplete]\n');
    for (const reference of missing) expect(stderr).toMatch(new RegExp(`why: ${reference}: .*no such image`));
  });

  it('names the one image that failed in the headline', async () => {
    const { stderr } = await cli.run(`mirror -q ${source.host}/none:1 ${flags}`);
    expect(stderr).toContain(`error: could not mirror ${source.host}/none:1 [mirror-incomplete]\n`);
  });
});
