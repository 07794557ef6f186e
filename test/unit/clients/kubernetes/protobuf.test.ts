import { describe, expect, it } from 'vitest';
import {
  decodeObject,
  flag,
  inline,
  integer,
  list,
  message,
  objectMeta,
  text,
  sparseList,
  textList,
  textMap,
  time,
} from '../../../../src/clients/kubernetes/protobuf.ts';
import { all, encoded, nested, number, string } from './encode.ts';

describe('an object in protobuf', () => {
  it('has the requested fields as in JSON, and no others', () => {
    const content = encoded(
      string(1, 'web'),
      string(9, 'skipped'),
      number(2, 1),
      number(3, -1),
      nested(4, string(1, 'Running')),
      nested(5, string(1, 'a')),
      nested(5, string(1, 'b')),
      nested(6, nested(1, string(1, 'inner'))),
      number(8, 300),
    );
    const shape = {
      1: text('name'),
      2: flag('ready'),
      3: integer('exitCode'),
      4: message('status', { 1: text('phase') }),
      5: list('items', { 1: text('name') }),
      6: inline({ 1: message('image', { 1: text('reference') }) }),
    };
    expect(decodeObject(content, shape)).toEqual({
      name: 'web',
      ready: true,
      exitCode: -1,
      status: { phase: 'Running' },
      items: [{ name: 'a' }, { name: 'b' }],
      image: { reference: 'inner' },
    });
  });

  it('has no texts that are empty, but messages that are empty, numbers that are 0, and false', () => {
    const content = encoded(string(1, ''), number(2, 0), number(3, 0), nested(4, all()));
    const shape = { 1: text('name'), 2: flag('ready'), 3: integer('count'), 4: message('running', {}) };
    expect(decodeObject(content, shape)).toEqual({ ready: false, count: 0, running: {} });
  });

  it('has no numbers that are 0 where JSON has none either', () => {
    const shape = { 1: integer('signal', { omitsZero: true }), 2: integer('other', { omitsZero: true }) };
    expect(decodeObject(encoded(number(1, 0), number(2, 9)), shape)).toEqual({ other: 9 });
  });

  it('has lists with all messages, or without those that have none of the fields', () => {
    const content = encoded(
      nested(1, string(1, 'a')),
      nested(1, string(2, 'other')),
      nested(2, string(2, 'other')),
    );
    const item = { 1: text('name') };
    expect(decodeObject(content, { 1: list('items', item), 2: sparseList('none', item) })).toEqual({
      items: [{ name: 'a' }, {}],
    });
  });

  it('has lists of texts, and only the requested entries of a map', () => {
    const entry = (key: string) => nested(2, all(string(1, key), string(2, 'x')));
    const content = encoded(string(1, 'a'), string(1, 'b'), entry('kept'), entry('other'));
    const shape = { 1: textList('finalizers'), 2: textMap('annotations', new Set(['kept'])) };
    expect(decodeObject(content, shape)).toEqual({ finalizers: ['a', 'b'], annotations: { kept: 'x' } });
  });

  it('has maps and times', () => {
    const entry = (key: string, value: string) => nested(1, all(string(1, key), string(2, value)));
    const content = encoded(
      entry('app', 'web'),
      entry('empty', ''),
      nested(2, all(number(1, 1_769_860_800), number(2, 0))),
    );
    expect(decodeObject(content, { 1: textMap('labels'), 2: time('creationTimestamp') })).toEqual({
      labels: { app: 'web', empty: '' },
      creationTimestamp: '2026-01-31T12:00:00Z',
    });
  });

  it('has its owners', () => {
    const owner = all(
      string(1, 'ReplicaSet'),
      string(3, 'web-5d4'),
      string(4, 'u-1'),
      string(5, 'apps/v1'),
      number(6, 1),
    );
    expect(decodeObject(encoded(string(1, 'web-5d4-x'), nested(13, owner)), objectMeta)).toEqual({
      name: 'web-5d4-x',
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d4', uid: 'u-1', controller: true },
      ],
    });
  });

  it('skips a field with another wire type than expected', () => {
    expect(decodeObject(encoded(number(1, 7), string(2, 'rest')), { 1: text('a'), 2: text('b') })).toEqual({
      b: 'rest',
    });
  });

  it.each([
    ['of another format', Buffer.from('{"kind":"PodList"}')],
    ['empty', Buffer.alloc(0)],
    ['without content', Buffer.from('k8s\0')],
    ['truncated', encoded(string(1, 'a long name that ends early')).subarray(0, -15)],
  ])('is refused if it is %s', (_, content) => {
    expect(() => decodeObject(content, { 1: text('name') })).toThrow(Error);
  });

  it.each([1, 99])('is refused if a message in it announces %i more bytes than it has', (more) => {
    const envelope = encoded(nested(1, string(1, 'web')), string(2, 'x'));
    const length = envelope.indexOf('web') - 3;
    envelope[length] = (envelope[length] ?? 0) + more;
    expect(() => decodeObject(envelope, { 1: message('metadata', { 1: text('name') }) })).toThrow(Error);
  });
});
