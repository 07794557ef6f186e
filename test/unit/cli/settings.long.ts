import { it } from 'vitest';
import { sample } from '../../support/sample.ts';
import { changeSetting, settingRows } from '../../support/setting-changes.ts';

const changes = Object.entries(settingRows).flatMap(([setting, row]) =>
  'to' in row ? [{ setting, row }] : [],
);

it.each(sample(changes))(
  'a change of $setting revokes no permission in use, needs no second up, and leaves nothing behind',
  { timeout: 240_000 },
  ({ row }) => changeSetting(row),
);
