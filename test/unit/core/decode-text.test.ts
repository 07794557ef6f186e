import { expect, it } from 'vitest';
import { decodeText } from '../../../src/core/decode-text.ts';

it.each([
  ['UTF-8', Buffer.from('größe: 1')],
  ['UTF-8 with a byte order mark', Buffer.from('\ufeffgröße: 1')],
  ['little-endian UTF-16', Buffer.from('\ufeffgröße: 1', 'utf16le')],
  ['big-endian UTF-16', Buffer.from('\ufeffgröße: 1', 'utf16le').swap16()],
])('reads %s', (_, bytes) => {
  expect(decodeText(bytes)).toBe('größe: 1');
});

it('refuses bytes that are not text only when fatal is set', () => {
  const bytes = Buffer.from([0x61, 0xff, 0x62]);
  expect(decodeText(bytes)).toBe('a\ufffdb');
  expect(() => decodeText(bytes, { fatal: true })).toThrow(TypeError);
});
