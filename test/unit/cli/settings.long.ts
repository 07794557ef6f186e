import { it } from 'vitest';
import { sample } from '../../support/sample.ts';
import { changeSetting, settingRows } from '../../support/setting-changes.ts';

const changes = Object.entries(settingRows).flatMap(([setting, row]) =>
  'to' in row ? [{ setting, row }] : [],
);

it.each(sample(changes))(
  'a changed $setting takes no right in use away, plans nothing more, and leaves nothing behind',
  { timeout: 240_000 },
  ({ row }) => changeSetting(row),
);
