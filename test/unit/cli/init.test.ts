import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => void (cli = await openCli({}, { hurried: true })));
afterAll(() => cli.close());

const written = (name: string): unknown => load(readFileSync(join(cli.folder, name), 'utf8'));

it('makes the folder of the file that -c names', async () => {
  const { code, stdout } = await cli.run('init -c clusters/prod.yaml');
  expect(code).toBe(0);
  expect(stdout).toContain('Wrote clusters/prod.yaml.');
  expect(written('clusters/prod.yaml')).toMatchObject({
    project: 'shop',
    aws: { accountId: cli.world.account },
  });
});

it('says in words that a file cannot be written, before it asks anybody', async () => {
  writeFileSync(join(cli.folder, 'plain'), '');
  mkdirSync(join(cli.folder, 'folder'));
  const asked = cli.world.faults.calls.length;
  for (const [line, name] of [
    ['init -c plain/prod.yaml', 'plain/prod.yaml'],
    ['init -c folder --force', 'folder'],
  ] as const) {
    const { code, document } = await cli.json(line);
    expect(code).toBe(2);
    expect(document.error).toMatchObject({ code: 'file-unwritable', what: `write ${name}` });
  }
  expect(cli.world.faults.calls.length).toBe(asked);
});

it('overwrites a file only by --force', async () => {
  writeFileSync(join(cli.folder, 'mine.yaml'), 'project: mine\n');
  const { code, document } = await cli.json('init -c mine.yaml');
  expect([code, document.error?.code]).toEqual([2, 'file-exists']);
  expect(written('mine.yaml')).toEqual({ project: 'mine' });
  expect((await cli.run('init -c mine.yaml --force')).code).toBe(0);
  expect(written('mine.yaml')).toMatchObject({ project: 'shop' });
});

it('writes as the guard the context that kubectl would use, whatever a comment says', async () => {
  const kubeconfig = cli.world.cluster.kubeconfig(cli.world.clusterUrl, cli.world.caPem);
  const document = load(kubeconfig) as { 'current-context': string };
  const [current, text] = [document['current-context'], `# current-context: old\n${kubeconfig}`];
  writeFileSync(join(cli.folder, 'kubeconfig'), text);
  expect((await cli.run('init -c guarded.yaml --kubeconfig kubeconfig')).code).toBe(0);
  expect(written('guarded.yaml')).toMatchObject({ cluster: { context: current } });
});
