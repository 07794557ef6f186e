import { expect, it } from 'vitest';
import { readObjects } from '../../../../src/clients/kubernetes/yaml.ts';

const read = async (text: string): Promise<unknown[]> => {
  const found: unknown[] = [];
  for await (const { kind, metadata, data } of readObjects(text)) found.push([kind, metadata.name, data]);
  return found;
};

it('reads every document of a stream, whatever separates them', async () => {
  const text = [
    '# a comment\n%YAML 1.1',
    '--- # Source: chart/a.yaml\napiVersion: v1\nkind: A\nmetadata: {name: a}\ndata: |\n  --- not a document',
    '---\n# nothing here',
    '---\r\napiVersion: v1\r\nkind: B\r\nmetadata:\r\n  generateName: b-\r\n...',
    '---\n{"apiVersion": "v1", "kind": "C", "metadata": {"name": "c"}}\n---',
  ];
  expect(await read(text.join('\n'))).toEqual([
    ['A', 'a', '--- not a document\n'],
    ['B', 'b-', undefined],
    ['C', 'c', undefined],
  ]);
});

it('reads values as kubectl does: YAML 1.1 with merge keys', async () => {
  const text = 'apiVersion: v1\nkind: A\nmetadata: {name: a}\nx: &x {on: yes}\ndata: {<<: *x, off: no}';
  expect(await read(text)).toEqual([['A', 'a', { true: true, false: false }]]);
});

it('replaces Lists by their items, and Lists in Lists too', async () => {
  const item = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name } });
  const list = (kind: string, ...items: object[]) => ({ apiVersion: 'v1', kind, metadata: {}, items });
  const text = JSON.stringify(list('List', item('a'), list('PodList', item('b')), item('c')));
  expect((await read(text)).flat()).toEqual([
    'Pod',
    'a',
    undefined,
    'Pod',
    'b',
    undefined,
    'Pod',
    'c',
    undefined,
  ]);
});

it('gives the items of a typed list the type that they need not have', async () => {
  const list = { apiVersion: 'v1', kind: 'PodList', items: [{ metadata: { name: 'a' } }] };
  expect((await read(JSON.stringify(list))).flat()).toEqual(['Pod', 'a', undefined]);
  const untyped = JSON.stringify({ ...list, kind: 'List' });
  await expect(read(untyped)).rejects.toThrow('is not a Kubernetes object');
  await expect(read(JSON.stringify({ ...list, items: [1] }))).rejects.toThrow('is not a Kubernetes object');
});

it.each([
  ['that is no YAML', 'a: [', 'document 2 (line 6) is not valid YAML'],
  ['that is text', 'hello', 'document 2 (line 6) is not a Kubernetes object'],
  ['without a kind', 'apiVersion: v1', 'document 2 (line 6) is not a Kubernetes object'],
  ['with a template', '{{- if .Values.x }}\na: b\n{{- end }}', 'document 2 (line 6) is not valid YAML'],
  ['with binary content', 'a: \u0000', 'document 2 (line 6) is not valid YAML'],
  ['with a wrong item', 'apiVersion: v1\nkind: List\nitems: [1]', 'document 2 (line 6) is not a Kubernetes'],
  ['that is nested endlessly', '['.repeat(100_000), 'document 2 (line 6) is not valid YAML'],
])('names the document %s, and its line', async (_, text, message) => {
  const first = 'apiVersion: v1\nkind: A\nmetadata: {name: a}\n\n';
  await expect(read(`${first}\n---\n${text}`)).rejects.toThrow(message);
});

it('accepts a List with more values than a small file with aliases may have', async () => {
  const item = { apiVersion: 'v1', kind: 'A', metadata: { name: 'a' }, data: Array(1000).fill(1) };
  const text = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: Array(600).fill(item) });
  expect(await read(text)).toHaveLength(600);
});

it('refuses merge keys that multiply', async () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `k${index}: 1`).join(', ');
  const merges = Array(20_000).fill('*a').join(', ');
  const text = `apiVersion: v1\nkind: A\na: &a {${keys}}\nb: {<<: [${merges}]}`;
  await expect(read(text)).rejects.toThrow('is not valid YAML');
});
