import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { chooseContext, currentContext } from '../../../src/cluster/kubeconfig.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  vi.stubEnv('HOME', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const content = (names: readonly string[], current: string): string =>
  JSON.stringify({
    clusters: names.map((name) => ({
      name,
      cluster: { server: `https://${name}:6443/`, 'certificate-authority': 'ca.pem' },
    })),
    users: names.map((name) => ({ name, user: { token: 'from-the-file' } })),
    contexts: names.map((name) => ({ name, context: { cluster: name, user: name } })),
    'current-context': current,
  });

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

it('takes the current context, with paths beside the file', async () => {
  const kubeconfig = await file('config', content(['one', 'two'], 'two'));
  const { name, cluster } = await chooseContext({ kubeconfig });
  expect([name, cluster.server, cluster.caFile]).toEqual(['two', 'https://two:6443', join(folder, 'ca.pem')]);
});

it('takes the context that was asked for', async () => {
  const kubeconfig = await file('config', content(['one', 'two'], 'two'));
  expect((await chooseContext({ kubeconfig, context: 'one' })).name).toBe('one');
});

it('merges the files of KUBECONFIG, the first winning, and skips those that are not there', async () => {
  const first = await file('first', content(['one'], 'one'));
  const second = await file('second', content(['one', 'two'], 'two'));
  vi.stubEnv('KUBECONFIG', [join(folder, 'absent'), first, second].join(delimiter));
  expect(await currentContext({})).toBe('one');
  expect((await chooseContext({ context: 'two' })).name).toBe('two');
});

it('tells that there is no kubeconfig at all', async () => {
  expect(await currentContext({})).toBeUndefined();
  await expect(chooseContext({})).rejects.toMatchObject({ code: 'cluster-unconfigured' });
});

it('names the contexts that there are instead of the one asked for', async () => {
  const kubeconfig = await file('config', content(['one', 'two'], 'two'));
  await expect(chooseContext({ kubeconfig, context: 'three' })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why: expect.stringContaining('one, two') as string,
  });
});

it.each([
  ['is missing', undefined],
  ['is no kubeconfig', 'just text'],
  ['is no YAML', '{ "clusters": [ '],
])('fails on a named file that %s', async (_, text) => {
  const kubeconfig = text === undefined ? join(folder, 'absent') : await file('config', text);
  await expect(chooseContext({ kubeconfig })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    what: `read kubeconfig ${kubeconfig}`,
  });
});

it('reads no file for a token, and says where the token of the chosen user is', async () => {
  const users = [
    { name: 'a', user: { tokenFile: 'token' } },
    { name: 'b', user: { 'token-file': join(folder, 'secret') } },
  ];
  await file('secret', 'secret');
  const kubeconfig = await file('one', JSON.stringify({ ...JSON.parse(content(['a', 'b'], 'a')), users }));
  expect((await chooseContext({ kubeconfig })).user).toMatchObject({
    tokenFile: join(folder, 'token'),
    token: undefined,
  });
  expect((await chooseContext({ kubeconfig, context: 'b' })).user?.token).toBeUndefined();
});
