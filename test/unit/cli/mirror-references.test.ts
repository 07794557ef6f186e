import { writeFileSync } from 'node:fs';
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

describe('a reference', () => {
  it('with a port gets a repository whose name has none', async () => {
    source.put('team/app', '1', [first]);
    const { code, stdout } = await cli.run(`mirror -q ${source.host}/team/app:1 --platform all`);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${cli.world.registryHost}/${repository()}:1\n` });
    expect(held('1')).toBe(first.manifest.digest);
  });

  it('with tag and digest brings what the digest says, under the tag, though the tag moved on', async () => {
    source.put('team/app', '2', [first]);
    source.put('team/app', '2', [second]);
    const { code } = await cli.run(
      `mirror ${source.host}/team/app:2@${first.manifest.digest} --platform all`,
    );
    expect(code).toBe(0);
    expect(held('2')).toBe(first.manifest.digest);
  });

  it.each(['ghcr.io/Team/App:1', 'ghcr.io/team/../../etc/passwd:1', 'ghcr.io/team/%2e%2e/app:1'])(
    'such as %s in a list is refused with its line, before anything is made',
    async (text) => {
      writeFileSync(join(cli.folder, 'list.txt'), `nginx:1.27\n${text}\n`);
      const before = cli.world.aws.registry.repositories.size;
      const { code, document } = await cli.json('mirror -f list.txt');
      expect(code).toBe(2);
      expect(document.error).toMatchObject({
        code: 'reference-invalid',
        what: expect.stringContaining('file list.txt, line 2') as string,
        why: expect.stringMatching(/\S/) as string,
        hint: expect.stringMatching(/\S/) as string,
      });
      expect(cli.world.aws.registry.repositories.size).toBe(before);
    },
  );
});
