import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configSchema } from '../../../src/config/schema.ts';
import { settingRows } from '../../support/setting-changes.ts';
import { settingsIn } from '../../support/settings.ts';

it('has a row for every setting about its change between two runs', () => {
  const settings = settingsIn(configSchema);
  expect(settings).toContain('users.imagePuller.name');
  expect(Object.keys(settingRows).sort()).toEqual(settings.sort());
});

it('names existing tests, and a reason for settings on which no resource depends', () => {
  for (const [setting, row] of Object.entries(settingRows)) {
    if ('test' in row) expect(existsSync(row.test), setting).toBe(true);
    if ('none' in row) expect(row.none.length, setting).toBeGreaterThan(10);
  }
});
