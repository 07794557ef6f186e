import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { licensesOf } from '../../../scripts/licenses.ts';

describe('the licenses of bundled packages', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'licenses-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const manifest = (fields: object): void =>
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'pad', version: '1.2.3', ...fields }));

  it('are the files in which the packages have them', () => {
    manifest({ license: 'MIT' });
    writeFileSync(join(folder, 'LICENSE.md'), 'Copyright A. Author\nPermission is granted.\n');
    writeFileSync(join(folder, 'NOTICE'), 'It has code of B.\n');
    expect(licensesOf([folder])).toBe(
      'pad 1.2.3 (MIT)\n\nCopyright A. Author\nPermission is granted.\n\nIt has code of B.',
    );
  });

  it('are the standard text with the author if a package only names its license', () => {
    manifest({ license: 'ISC', author: { name: 'A. Author' } });
    expect(licensesOf([folder])).toMatch(
      /^pad 1.2.3 \(ISC\)\n\nCopyright \(c\) A. Author\n\nPermission to use/,
    );
  });

  it('are required', () => {
    manifest({});
    expect(() => licensesOf([folder])).toThrow('could not find the license of pad 1.2.3');
    writeFileSync(join(folder, 'LICENSE'), 'All rights reserved.\n');
    expect(() => licensesOf([folder])).toThrow('could not find the license of pad 1.2.3');
    manifest({ license: 'Custom' });
    rmSync(join(folder, 'LICENSE'));
    expect(() => licensesOf([folder])).toThrow('could not find the license of pad 1.2.3');
  });
});
