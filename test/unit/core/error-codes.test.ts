import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodes, findingCodes } from '../../../src/core/error-codes.ts';

const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.ts$/.test(file) && !/^(sandbox|errors)\b/.test(file))
  .map((file) => readFileSync(join('src', file), 'utf8'))
  .join('\n');

it.each([
  ['error', errorCodes],
  ['finding', findingCodes],
])('lists no %s that nothing in the program gives', (_kind, codes) => {
  // As in `code: 'locked'` and `code: over ? 'token-expired' : 'token-expiring'`.
  const isGiven = (code: string): boolean => new RegExp(`\\bcode: [^\\n,]*'${code}'`).test(source);
  expect(Object.keys(codes).filter((code) => !isGiven(code))).toEqual([]);
});
