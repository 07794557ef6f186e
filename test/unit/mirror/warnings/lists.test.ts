import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../../src/config/schema.ts';
import {
  type HeldRepository,
  imageLists,
  listName,
  maxTags,
  repositoriesIn,
  withEmptiedParts,
} from '../../../../src/mirror/warnings/lists.ts';

const registry = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const configured = (map: Readonly<Record<string, string>> = {}) =>
  configSchema.parse({ project: 'demo', aws: { region: 'eu-west-1' }, images: { map } });

const listsOf = (held: readonly HeldRepository[], map?: Readonly<Record<string, string>>) =>
  imageLists(held, registry, configured(map));

/** The lists by the part of their name after the prefix. */
const dataOf = (...args: Parameters<typeof listsOf>) =>
  Object.fromEntries(
    listsOf(...args).objects.map(({ metadata: { name }, ...object }) => [
      name,
      object['data'] as Readonly<Record<string, string>>,
    ]),
  );

const held = (path: string, ...versions: string[]): HeldRepository => ({ path: `demo/${path}`, versions });
const many = (host: string, count: number): HeldRepository[] =>
  Array.from({ length: count }, (_, index) => held(`${host}/team/app-${index}`, ':1'));

describe('imageLists', () => {
  it('makes one list for each source host, one for the registry, and one for other hosts', () => {
    const lists = listsOf([held('docker.io/library/nginx', ':1'), held('quay.io/a/b', ':2')]);
    expect(lists.objects.map(({ metadata }) => metadata.name)).toEqual([
      'image-list.docker.io',
      'image-list.quay.io',
      `image-list.${registry}`,
      'image-list',
    ]);
    expect(lists.unlisted).toEqual([]);
  });

  it('lists the hosts that have a list, so that others are missing as a whole', () => {
    const { EXCEPT = '' } = dataOf([held('docker.io/library/nginx', ':1')])['image-list'] ?? {};
    expect(EXCEPT.trim().split(' ')).toEqual(
      expect.arrayContaining(['docker.io', registry, `${registry}:443`, 'ecr-bootstrap.invalid']),
    );
  });

  it('makes no list for the reserved host of the probe, which no workload may use', () => {
    const lists = listsOf([held('ecr-bootstrap.invalid/probe', ':1')]);
    expect(lists.objects.map(({ metadata }) => metadata.name)).toEqual([
      `image-list.${registry}`,
      'image-list',
    ]);
  });

  it('lists every version of a repository as one word', () => {
    const data = dataOf([held('docker.io/library/nginx', ':1.27', '@0123456789ab')]);
    expect(Object.values(data['image-list.docker.io'] ?? {})).toEqual([
      ' docker.io index.docker.io registry-1.docker.io ',
      ' library/nginx:1.27 library/nginx@0123456789ab ',
    ]);
  });

  it('lists all sources that images.map gives one name', () => {
    const map = { 'docker.io/library/nginx': 'web', 'quay.io/a/nginx': 'web' };
    const data = dataOf([held('web', ':1')], map);
    expect(Object.values(data['image-list.docker.io'] ?? {})).toContain(' library/nginx:1 ');
    expect(Object.values(data['image-list.quay.io'] ?? {})).toContain(' a/nginx:1 ');
  });

  it('lists images without a source only under the name of the registry', () => {
    const data = dataOf([held('own', ':1')]);
    expect(Object.keys(data)).toEqual([`image-list.${registry}`, 'image-list']);
    expect(Object.values(data[`image-list.${registry}`] ?? {})).toContain(' demo/own:1 ');
  });

  it('gives a host with a port a list with a unique name', () => {
    const names = Object.keys(
      dataOf([held('registry.example_5000/a', ':1'), held('registry.example-5000/a', ':1')]),
    ).filter((name) => name.includes('example'));
    expect(names).toHaveLength(2);
  });

  it.each([
    'registry.example:5000',
    '[fe80::1]:5000',
    '[::1]',
    '[::]',
    'localhost',
    'a-b.example',
    `${'long.'.repeat(48)}example`,
  ])('gives the list of %s a name that the API server accepts', (host) => {
    expect(listName(host)).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
    expect(listName(host).length).toBeLessThanOrEqual(253);
  });

  it('keeps the name of a host as it is', () => {
    expect(listName('a-b.example')).toBe('image-list.a-b.example');
  });

  it('knows a host without a dot also by its name in references, which have no port', () => {
    const data = dataOf([
      held('registry_443/a', ':1'),
      held('localhost_443/a', ':1'),
      held('a.b_443/a', ':1'),
    ]);
    const hosts = Object.entries(data).flatMap(([name, { HOSTS }]) =>
      /registry|localhost|a\.b/.test(name) ? HOSTS : [],
    );
    expect(hosts.sort()).toEqual([' a.b:443 ', ' localhost:443 ', ' registry:443 registry ']);
    expect(data['image-list']?.['EXCEPT']).toContain(' registry registry:443 ');
  });

  it('makes no list for a repository without images', () => {
    expect(Object.keys(dataOf([held('quay.io/a/b')]))).not.toContain('image-list.quay.io');
  });

  it('leaves out the largest lists above 10,000 tags, and keeps their hosts known', () => {
    const lists = listsOf([...many('docker.io', maxTags), held('quay.io/a/b', ':1')]);
    expect(lists.unlisted).toEqual(['docker.io', registry]);
    const names = lists.objects.map(({ metadata }) => metadata.name);
    expect(names).toEqual(['image-list.quay.io', 'image-list']);
    expect(JSON.stringify(lists.objects.at(-1))).toContain(' docker.io ');
  });

  it('lists exactly 10,000 tags', () => {
    expect(listsOf(many('docker.io', maxTags)).unlisted).toEqual([]);
  });

  it('leaves out a list of more than 1 MiB, so that the API server accepts every list', () => {
    const long = Array.from({ length: 6000 }, (_, index) =>
      held(`quay.io/${'a'.repeat(200)}/${index}`, ':1'),
    );
    const lists = listsOf(long);
    expect(lists.unlisted).toEqual(['quay.io', registry]);
    for (const { data } of lists.objects as unknown as { data: object }[]) {
      expect(JSON.stringify(data).length).toBeLessThan(1024 * 1024);
    }
  });
});

describe('withEmptiedParts', () => {
  it('empties the parts that the list no longer has, and adds nothing else', () => {
    const list = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'a' },
      data: { 'part-1': ' x:1 ' },
    };
    const existing = { ...list, data: { 'part-1': ' y:1 ', 'part-2': ' z:1 ', other: 'o' } };
    expect(withEmptiedParts(list, existing)['data']).toEqual({ 'part-1': ' x:1 ', 'part-2': '' });
    expect(withEmptiedParts(list, undefined)).toEqual(list);
  });
});

describe('repositoriesIn', () => {
  it('reads what a list was made of', () => {
    const repositories = [
      { path: 'demo/docker.io/library/nginx', versions: [':1.27', '@0123456789ab'] },
      { path: 'demo/own', versions: [':1'] },
    ];
    const data = dataOf(repositories)[`image-list.${registry}`] ?? {};
    const byPath = (a: HeldRepository, b: HeldRepository) => (a.path < b.path ? -1 : 1);
    expect([...repositoriesIn(data)].sort(byPath)).toEqual(repositories);
  });

  it('ignores what is not a reference', () => {
    expect(repositoriesIn({ HOSTS: ' a:1 ', 'part-1': ' x : @ y', 'part-2': 5 })).toEqual([]);
  });
});
