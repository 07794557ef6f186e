import { control } from '../control.ts';
import { say } from '../process.ts';
import { firstProcess } from './state.ts';

/** Reports whether the lab and its services are running. The exit code is 3 when one of them is not. */
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
