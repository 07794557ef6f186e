import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorCodes } from '../../../src/core/error-codes.ts';
import { findingCodes } from '../../../src/core/finding-codes.ts';

const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.ts$/.test(file) && !/^(sandbox|errors)\b/.test(file))
  .map((file) => readFileSync(join('src', file), 'utf8'))
  .join('\n');

// For example `code: 'locked'` and `finding(isExpired ? 'token-expired' : 'token-expiring', {`.
it.each([
  ['error', errorCodes, (code: string) => `\\bcode: [^\\n,]*'${code}'`],
  ['finding', findingCodes, (code: string) => `\\b(?:finding|diagnosis)\\(\\s*[^\\n{]*'${code}'`],
])('lists no %s code that the program never reports', (_kind, codes, pattern) => {
  const isGiven = (code: string): boolean => new RegExp(pattern(code)).test(source);
  expect(Object.keys(codes).filter((code) => !isGiven(code))).toEqual([]);
});
