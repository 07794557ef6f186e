import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCli, type Cli } from '../../support/cli.ts';
import { makeImage } from '../../support/images.ts';
import { OciServer } from '../../support/oci-server.ts';

let cli: Cli;
let source: OciServer;
const [first, second] = ['first', 'second'].map((text) =>
  makeImage({ os: 'linux', architecture: 'amd64' }, [text]),
) as [ReturnType<typeof makeImage>, ReturnType<typeof makeImage>];

beforeAll(async () => {
  [cli, source] = await Promise.all([openCli(), OciServer.start()]);
});
afterAll(() => Promise.all([cli.close(), source.close()]));

const repository = () => `shop/${source.host.replace(':', '_')}/team/app`;
const held = (tag: string) => cli.world.aws.registry.repositories.get(repository())?.tags.get(tag);

describe('mirror', () => {
  it('replaces the colon of a port in the repository name', async () => {
    source.put('team/app', '1', [first]);
    const { code, stdout } = await cli.run(`mirror -q ${source.host}/team/app:1 --platform all`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${cli.world.registryHost}/${repository()}:1\n` });
    expect(held('1')).toBe(first.manifest.digest);
  });

  it('stores only the digest of a reference with a tag that has moved, and does not create the tag', async () => {
    source.put('team/app', '2', [first]);
    source.put('team/app', '2', [second]);
    const { code } = await cli.run(
      `mirror ${source.host}/team/app:2@${first.manifest.digest} --platform all`,
    );
    expect(code).toBe(0);
    expect(held('2')).toBeUndefined();
    const pinned = cli.world.aws.registry.repositories.get(repository())?.manifest(first.manifest.digest);
    expect(pinned).toBeDefined();
  });
});

describe('mirror of an invalid reference', () => {
  const parts = (code: string, what: string) => ({
    code,
    what: expect.stringContaining(what) as string,
    why: expect.stringMatching(/\S/) as string,
    hint: expect.stringMatching(/\S/) as string,
  });
  const rows = (document: { readonly [field: string]: unknown }) =>
    (document['mirror'] as { images: readonly { source: string; state: string; error?: unknown }[] }).images;

  it.each([
    ['upper case', 'ghcr.io/Team/App:1'],
    ['path traversal', 'ghcr.io/team/../../etc/passwd:1'],
    ['escaped path traversal', 'ghcr.io/team/%2e%2e/app:1'],
    ['two tags', 'nginx:bad:tag'],
    ['a digest that is too short', 'nginx@sha256:abc'],
    ['a port out of range', 'ghcr.io:99999/team/app:1'],
    ['two references on one line', 'nginx:1 redis:1'],
  ])('names its line in a list and copies the other images (%s)', async (_case, text) => {
    source.put('team/app', '3', [first]);
    writeFileSync(join(cli.folder, 'list.txt'), `# ours\n${text}\n${source.host}/team/app:3\n`);
    const before = [...cli.world.aws.registry.repositories.keys()];
    const asked = cli.world.faults.calls.length;
    const { code, document } = await cli.json('mirror -f list.txt --failed-to left.txt --platform all');
    expect(code).toBe(1);
    expect(document.error?.code).toBe('mirror-incomplete');
    const [good, bad] = rows(document);
    expect(good).toMatchObject({
      source: `${source.host}/team/app:3`,
      state: expect.stringMatching(/copied|current/) as string,
    });
    expect(bad).toMatchObject({
      source: text,
      state: 'failed',
      error: parts('reference-invalid', 'file list.txt, line 2'),
    });
    expect(held('3')).toBe(first.manifest.digest);
    expect(readFileSync(join(cli.folder, 'left.txt'), 'utf8')).toBe(`${text}\n`);
    expect([...cli.world.aws.registry.repositories.keys()]).toEqual(before);
    const resources = cli.world.faults.calls.slice(asked).map(({ resource }) => resource ?? '');
    expect(resources.filter((resource) => /Team|etc|%2e|nginx|ghcr/.test(resource))).toEqual([]);
  });

  it('reports it as a failed image when it is the only one on the command line', async () => {
    const { code, document } = await cli.json('mirror nginx:bad:tag');
    expect(code).toBe(1);
    expect(rows(document)).toMatchObject([
      { source: 'nginx:bad:tag', state: 'failed', error: parts('reference-invalid', 'command line') },
    ]);
  });

  it('suggests the line for images.map when ECR does not accept its name', async () => {
    const long = `quay.io/${'a'.repeat(250)}/app:1`;
    const { code, document } = await cli.json(`mirror ${long}`);
    expect(code).toBe(1);
    expect(rows(document)).toMatchObject([
      {
        state: 'failed',
        error: {
          ...parts('repository-name-invalid', long),
          hint: expect.stringContaining('images.map') as string,
        },
      },
    ]);
  });

  it('names all its lines in a file with a byte order mark and Windows line endings', async () => {
    writeFileSync(join(cli.folder, 'list.txt'), '\ufeff# a remark\r\nNginx:1\r\n\r\nNginx:1 # again\r\n');
    const { document } = await cli.json('mirror -f list.txt');
    expect(rows(document)).toMatchObject([
      {
        source: 'Nginx:1',
        error: parts('reference-invalid', 'file list.txt, line 2 and file list.txt, line 4'),
      },
    ]);
  });

  it('reads it from a UTF-16 file, as PowerShell writes it', async () => {
    writeFileSync(join(cli.folder, 'list.txt'), '\ufeffNginx:1\r\n', 'utf16le');
    const { document } = await cli.json('mirror -f list.txt');
    expect(rows(document)).toMatchObject([{ source: 'Nginx:1' }]);
  });

  it('shows its invisible characters', async () => {
    const { code, stdout } = await cli.run(['mirror', 'nginx\u200b:1.27', '--failed-to', 'left.txt']);
    expect(code).toBe(1);
    expect(stdout).toContain('nginx\\u200b');
  });

  it('writes it to the file of --failed-to as one line, even if it contains a line break', async () => {
    await cli.run(['mirror', 'a b\nnginx:1.27', '--failed-to', 'left.txt']);
    expect(readFileSync(join(cli.folder, 'left.txt'), 'utf8')).toBe('a b nginx:1.27\n');
  });
});
