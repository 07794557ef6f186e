import { expect, test } from 'vitest';
import { spansOf } from '../../../../bench/mirror/profile/spans.ts';
import { made, ran } from './made.ts';

const record = ran({
  ...{ seconds: 0.25, loaded: 45, ended: 230, connections: [71, 70] },
  requests: [made(100, { sent: 110, ended: 200 }), made(101, { sent: 112, ended: 190 })],
});

test('the parts of a run follow each other and make the whole', () => {
  const parts = spansOf(record).map(({ milliseconds }) => milliseconds);
  expect(parts).toEqual([45, 25, 40, 90, 30, 20]);
  expect(parts.reduce((sum, part) => sum + part)).toBe(250);
});

test('a run without a request has no parts', () => {
  expect(() => spansOf(ran())).toThrow('asked for nothing');
});
