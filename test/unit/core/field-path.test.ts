import { expect, it } from 'vitest';
import { parseFieldPath, valuesAt } from '../../../src/core/field-path.ts';

const object = {
  spec: {
    image: 'a:1',
    'odd.key': { image: 'b:1' },
    list: [{ image: 'c:1' }, { image: 'd:1' }, 'text', null],
    byName: { one: { image: 'e:1' }, two: { image: 'f:1' } },
  },
};
const read = (text: string): readonly unknown[] => {
  const path = parseFieldPath(text);
  if (!path) throw new Error(`no path: ${text}`);
  return valuesAt(path, object);
};

it.each([
  ['.spec.image', ['a:1']],
  ['$.spec.image', ['a:1']],
  ['{.spec.image}', ['a:1']],
  [".spec['odd.key'].image", ['b:1']],
  ['.spec.list[*].image', ['c:1', 'd:1']],
  ['.spec.list[1].image', ['d:1']],
  ['.spec.byName.*.image', ['e:1', 'f:1']],
  ['.spec.list[9].image', []],
  ['.spec.image.none', []],
  ['.spec.list.image', []],
  ['.spec[0]', []],
  ['.constructor', []],
  ['.spec.list.length', []],
])('reads %s', (text, values) => {
  expect(read(text)).toEqual(values);
});

it.each(['', '$', 'spec.image', '.spec..image', '.spec[?(@.x)]', '.spec.list[(@.length)]', '.spec.', '.a b'])(
  'refuses %j, which is no path or would run code',
  (text) => {
    expect(parseFieldPath(text)).toBeUndefined();
  },
);
