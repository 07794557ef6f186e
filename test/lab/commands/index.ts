import { build } from '../build/build.ts';
import { down } from './down.ts';
import { exec } from './exec.ts';
import { install } from './install.ts';
import { status } from './status.ts';
import { test } from './test.ts';
import { up } from './up.ts';

export const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  build,
  up,
  install,
  exec,
  test,
  status,
  down,
};
