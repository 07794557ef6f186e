import { control } from '../control.ts';
import { say } from '../process.ts';
import { firstProcess } from './state.ts';

/** Says whether the lab runs and which of its services do. Ends with 3 when not all of them do. */
export async function status(): Promise<void> {
  if ((await firstProcess()) === undefined) {
    say('The lab does not run.');
    process.exitCode = 3;
    return;
  }
  const services = (await control('machine', 'GET', '/services')) as {
    name: string;
    running: boolean;
    log: string;
  }[];
  for (const { name, running, log } of services) {
    say(`  ${running ? 'runs' : 'DOWN'}  ${name.padEnd(24)} ${log}`);
    if (!running) process.exitCode = 3;
  }
}
