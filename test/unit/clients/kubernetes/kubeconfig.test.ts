import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { chooseContext, currentKubeContext } from '../../../../src/clients/kubernetes/kubeconfig.ts';

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

it('uses the current context, with paths relative to the file', async () => {
  const kubeconfig = await file('config', content(['one', 'two'], 'two'));
  const { name, cluster } = await chooseContext({ kubeconfig });
  expect([name, cluster.server, cluster.caFile]).toEqual(['two', 'https://two:6443', join(folder, 'ca.pem')]);
});

it('uses the requested context', async () => {
  const kubeconfig = await file('config', content(['one', 'two'], 'two'));
  expect((await chooseContext({ kubeconfig, context: 'one' })).name).toBe('one');
});

it('merges the files of KUBECONFIG, where the first one wins, and skips missing files', async () => {
  const first = await file('first', content(['one'], 'one'));
  const second = await file('second', content(['one', 'two'], 'two'));
  vi.stubEnv('KUBECONFIG', [join(folder, 'absent'), first, second].join(delimiter));
  expect(await currentKubeContext({})).toBe('one');
  expect((await chooseContext({ context: 'two' })).name).toBe('two');
});

it('reports that there is no kubeconfig', async () => {
  expect(await currentKubeContext({})).toBeUndefined();
  await expect(chooseContext({})).rejects.toMatchObject({ code: 'cluster-unconfigured' });
});

it('lists the existing contexts when the requested one is missing', async () => {
  const kubeconfig = await file('config', content(['one', 'two'], 'two'));
  await expect(chooseContext({ kubeconfig, context: 'three' })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why: expect.stringContaining('one, two') as string,
  });
});

it.each([
  ['is missing', undefined],
  ['is not a kubeconfig', 'just text'],
  ['is not YAML', '{ "clusters": [ '],
])('fails on a given file that %s', async (_, text) => {
  const kubeconfig = text === undefined ? join(folder, 'absent') : await file('config', text);
  await expect(chooseContext({ kubeconfig })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    what: `could not read kubeconfig ${kubeconfig}`,
  });
});

it('reads no token file, and returns the path of the token file of the chosen user', async () => {
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

/** A kubeconfig of one context. */
const one = (cluster: object | null, user: object | null, more: object = {}): Promise<string> => {
  const content = {
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
    ...more,
  };
  return file('one', JSON.stringify(content));
};
const server = 'https://c:6443';
const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'get-token' };

it.each<[string, object | null, object | null, object, string]>([
  [
    'a user that is missing',
    { server },
    {},
    { users: [] },
    'its user u is not in the kubeconfig, which has: none',
  ],
  ['users: null', { server }, {}, { users: null }, 'its user u is not in the kubeconfig'],
  ['a cluster that is missing', { server }, {}, { clusters: null }, 'its cluster c is not in the kubeconfig'],
  [
    'a context without a user',
    { server },
    {},
    { contexts: [{ name: 'x', context: { cluster: 'c' } }] },
    'it has no user',
  ],
  ['a cluster without a server', null, {}, {}, 'cluster c has no server'],
  ['a server without a host', { server: 'https://' }, {}, {}, 'server https:// of cluster c is not a URL'],
  [
    'a certificate without a key',
    { server },
    { 'client-certificate-data': 'AAAA' },
    {},
    'without client-key-data or client-key',
  ],
  ['a numeric token', { server }, { token: 12 }, {}, 'users["u"].user.token is not text; write it in quotes'],
  [
    'data that is not base64',
    { server, 'certificate-authority-data': '-----BEGIN' },
    {},
    {},
    'clusters["c"].cluster.certificate-authority-data is not base64',
  ],
  [
    'a CA that is not checked',
    { server, 'certificate-authority-data': 'AAAA', 'insecure-skip-tls-verify': true },
    {},
    {},
    'accepts only one of them',
  ],
  ['a token and a password', { server }, { token: 'T', username: 'me' }, {}, 'accepts only one of them'],
  [
    'groups without a user',
    { server },
    { 'as-groups': ['ops'] },
    {},
    'as-groups or as-user-extra without as',
  ],
  [
    'groups that are no list',
    { server },
    { as: 'jane', 'as-groups': 'ops' },
    {},
    'users["u"].user.as-groups is not a list',
  ],
  ['a plugin without a command', { server }, { exec: {} }, {}, 'the exec plugin of user u has no command'],
  [
    'env as a mapping',
    { server },
    { exec: { ...exec, env: { A: 'b' } } },
    {},
    'exec.env is not a list of name and value',
  ],
  [
    'a numeric value in env',
    { server },
    { exec: { ...exec, env: [{ name: 'A', value: 1 }] } },
    {},
    'exec.env[0].value is not text',
  ],
  [
    'an unknown interactiveMode',
    { server },
    { exec: { ...exec, interactiveMode: 'Maybe' } },
    {},
    'Never, IfAvailable or Always',
  ],
  [
    'a user that is not a mapping',
    { server },
    {},
    { users: [{ name: 'u', user: 'me' }] },
    'users["u"].user is not a mapping',
  ],
  ['users that are no list', { server }, {}, { users: { u: {} } }, 'users is not a list'],
])('rejects %s and reports what is wrong', async (_, cluster, user, more, why) => {
  await expect(chooseContext({ kubeconfig: await one(cluster, user, more) })).rejects.toMatchObject({
    code: 'cluster-unconfigured',
    why: expect.stringContaining(why) as string,
  });
});

it('ignores invalid values in unused entries', async () => {
  const users = [
    { name: 'u', user: { token: 'T' } },
    { name: 'other', user: { token: 12 } },
  ];
  const kubeconfig = await one({ server }, {}, { users, preferences: { colors: 1 }, unknown: [] });
  expect((await chooseContext({ kubeconfig })).user?.token).toBe('T');
});

it('treats null as absent', async () => {
  const plugin = { ...exec, args: null, env: null, installHint: null, provideClusterInfo: null };
  const kubeconfig = await one(
    { server, 'proxy-url': null },
    { exec: plugin, token: null, 'as-groups': null },
  );
  const { user, cluster } = await chooseContext({ kubeconfig });
  expect(user).toMatchObject({ exec: { command: 'get-token', args: [], env: [] } });
  expect(user?.token ?? cluster.proxyUrl).toBeUndefined();
});

it('uses the first of several entries with the same name, without merging them', async () => {
  const users = [
    { name: 'u', user: { token: 'first' } },
    { name: 'u', user: { token: 'second', as: 'jane' } },
  ];
  const { user } = await chooseContext({ kubeconfig: await one({ server }, {}, { users }) });
  expect([user?.token, user?.impersonate]).toEqual(['first', undefined]);
});

it('skips empty files, accepts a byte order mark, and uses the last of two values with the same key', async () => {
  const empty = await file('empty', '# nothing yet\n');
  const users = 'users: [{name: u, user: {token: A, token: B}}]';
  const contexts = 'contexts: [{name: x, context: {cluster: c, user: u}}]';
  const marked = await file(
    'marked',
    `\uFEFFclusters: [{name: c, cluster: {server: c:6443, insecure-skip-tls-verify: true}}]\n${users}\n${contexts}\ncurrent-context: x\n`,
  );
  vi.stubEnv('KUBECONFIG', [empty, marked].join(delimiter));
  const { user, cluster } = await chooseContext({});
  expect([user?.token, cluster.server]).toEqual(['B', 'https://c:6443']);
});

it.each<[string, (text: string) => string | Buffer]>([
  ['in UTF-16, as PowerShell writes it', (text) => Buffer.from(`\ufeff${text}`, 'utf16le')],
  ['in big-endian UTF-16', (text) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
  ['with a second document', (text) => `${text}---\nkind: Other\n`],
  ['with the words of YAML 1.1 for true', (text) => text.replace('true', 'yes')],
  ['with dates that are not quoted', (text) => text.replaceAll('today', '2024-01-15')],
])('reads a kubeconfig %s', async (_, write) => {
  const text = `clusters: [{name: c, cluster: {server: 'https://c', insecure-skip-tls-verify: true}}]
users: [{name: u, user: {token: today}}]
contexts: [{name: today, context: {cluster: c, user: u}}]
current-context: today
`;
  const written = write(text);
  const kubeconfig = join(folder, 'config');
  await writeFile(kubeconfig, written);
  const { name, cluster, user } = await chooseContext({ kubeconfig });
  expect(name).toBe(user?.token);
  expect(name).toMatch(/^(today|2024-01-15)$/);
  expect(cluster.skipTLSVerify).toBe(true);
});
