import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from 'js-yaml';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => void (cli = await openCli({}, { fast: true })));
afterAll(() => cli.close());

const written = (name: string): unknown => load(readFileSync(join(cli.folder, name), 'utf8'));

it('creates the folder of the file that -c names', async () => {
  const { code, stdout } = await cli.run('init -c clusters/prod.yaml');
  expect(code).toBe(0);
  expect(stdout).toContain('Wrote clusters/prod.yaml.');
  expect(written('clusters/prod.yaml')).toMatchObject({
    project: 'shop',
    aws: { accountId: cli.world.account },
  });
});

it('reports that the file cannot be written before it sends a request', async () => {
  writeFileSync(join(cli.folder, 'plain'), '');
  mkdirSync(join(cli.folder, 'folder'));
  const asked = cli.world.faults.calls.length;
  for (const [line, name] of [
    ['init -c plain/prod.yaml', 'plain/prod.yaml'],
    ['init -c folder --force', 'folder'],
  ] as const) {
    const { code, document } = await cli.json(line);
    expect(code).toBe(2);
    expect(document.error).toMatchObject({ code: 'file-unwritable', what: `could not write ${name}` });
  }
  expect(cli.world.faults.calls.length).toBe(asked);
});

it('overwrites a file only with --force', async () => {
  writeFileSync(join(cli.folder, 'mine.yaml'), 'project: mine\n');
  const { code, document } = await cli.json('init -c mine.yaml');
  expect([code, document.error?.code]).toEqual([2, 'file-exists']);
  expect(written('mine.yaml')).toEqual({ project: 'mine' });
  expect((await cli.run('init -c mine.yaml --force')).code).toBe(0);
  expect(written('mine.yaml')).toMatchObject({ project: 'shop' });
});

it('writes the context that kubectl uses, and ignores a context in a comment', async () => {
  const kubeconfig = cli.world.cluster.kubeconfig(cli.world.clusterUrl, cli.world.caPem);
  const document = load(kubeconfig) as { 'current-context': string };
  const [current, text] = [document['current-context'], `# current-context: old\n${kubeconfig}`];
  writeFileSync(join(cli.folder, 'kubeconfig'), text);
  expect((await cli.run('init -c guarded.yaml --kubeconfig kubeconfig')).code).toBe(0);
  expect(written('guarded.yaml')).toMatchObject({ cluster: { context: current } });
});

it('writes a file without a region when none is known, and says what to set', async () => {
  const { code, stdout } = await cli.run('init -c no-region.yaml', { env: { AWS_REGION: undefined } });
  expect(code).toBe(0);
  expect(stdout).toContain('Wrote no-region.yaml. Next: set aws.region in it, then run ');
  expect(written('no-region.yaml')).toMatchObject({ project: 'shop', aws: { region: null } });
  const { stderr } = await cli.run('up -c no-region.yaml', { env: { AWS_REGION: undefined } });
  expect(stderr).toContain('why: no-region.yaml:10: aws.region is missing');
});

it('names no path of this machine in the file', async () => {
  expect((await cli.run('init -c shared.yaml')).code).toBe(0);
  const text = readFileSync(join(cli.folder, 'shared.yaml'), 'utf8');
  expect(text).not.toMatch(/file:\/\/|\$schema/);
});
