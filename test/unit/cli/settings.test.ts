import { expect, it } from 'vitest';
import { changeSetting, settingRows } from '../../support/setting-changes.ts';

// The other settings are in settings.long.ts.

it(
  'moves the cluster to another image puller and reports everything that is left of the first one',
  { timeout: 120_000 },
  async () => {
    const row = settingRows['users.imagePuller.name'];
    expect.hasAssertions();
    if (row && 'to' in row) await changeSetting(row);
  },
);
