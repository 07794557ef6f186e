import { expect, it } from 'vitest';
import { changeSetting, settingRows } from '../../support/setting-changes.ts';

it(
  'moves the cluster to another image puller and reports all remains of the first one',
  { timeout: 120_000 },
  async () => {
    const row = settingRows['users.imagePuller.name'];
    expect.hasAssertions();
    if (row && 'to' in row) await changeSetting(row);
  },
);
