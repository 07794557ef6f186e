import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configSchema } from '../../../src/config/schema.ts';
import { settingRows } from '../../support/setting-changes.ts';
import { settingsIn } from '../../support/settings.ts';

it('knows for every setting what happens when it changes between two runs', () => {
  const settings = settingsIn(configSchema);
  expect(settings).toContain('users.imagePuller.name');
  expect(Object.keys(settingRows).sort()).toEqual(settings.sort());
});

it('names tests that exist, and a reason where no resource depends on a setting', () => {
  for (const [setting, row] of Object.entries(settingRows)) {
    if ('test' in row) expect(existsSync(row.test), setting).toBe(true);
    if ('none' in row) expect(row.none.length, setting).toBeGreaterThan(10);
  }
});
