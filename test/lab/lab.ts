import { build } from './build/build.ts';
import { down } from './commands/down.ts';
import { exec } from './commands/exec.ts';
import { install } from './commands/install.ts';
import { status } from './commands/status.ts';
import { up } from './commands/up.ts';
import { say } from './process.ts';

const commands: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  build,
  up,
  install,
  exec,
  status,
  down,
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  say(`lab: ${Object.keys(commands).join(' | ')}`);
  process.exitCode = 2;
} else {
  try {
    await command(args);
  } catch (error) {
    say(`lab ${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
