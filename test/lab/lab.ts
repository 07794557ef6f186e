import { readSelection } from './commands/state.ts';
import { say } from './process.ts';
import { selectionVariable, takeSelection } from './selection.ts';

const [name = '', ...args] = process.argv.slice(2);

/** These commands can start a lab, so they can select its versions. The others work with those of the running lab. */
const selecting = ['build', 'up', 'test'];

try {
  const { selected, rest } = selecting.includes(name) ? takeSelection(args) : { selected: {}, rest: args };
  const isSelected = Object.keys(selected).length > 0 || rest.length < args.length;
  process.env[selectionVariable] = JSON.stringify(isSelected ? selected : await readSelection());
  // Modules read the versions when they are loaded.
  const { commands } = await import('./commands/index.ts');
  const command = commands[name];
  if (command === undefined) {
    say(`lab: ${Object.keys(commands).join(' | ')}`);
    process.exitCode = 2;
  } else {
    await command(rest);
  }
} catch (error) {
  say(`lab ${name}: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
