import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { addresses } from '../names.ts';
import { run } from '../process.ts';

/**
 * Turns this process's namespaces into a separate machine. What its programs write below /etc, /var/lib and
 * /var/log is stored in the lab's folder. /run is empty. The network has only the lab's addresses, so there is no
 * internet. Call it only in new mount and network namespaces.
 */
export async function isolate(folder: string, log: string): Promise<void> {
  const command = (name: string, ...args: string[]) => run(name, args, { log });
  for (const path of ['/etc', '/var/lib', '/var/log']) {
    const layers = join(folder, path);
    const [upper, work] = [join(layers, 'upper'), join(layers, 'work')];
    await mkdir(upper, { recursive: true });
    await mkdir(work);
    const options = `lowerdir=${path},upperdir=${upper},workdir=${work}`;
    await command('mount', '-t', 'overlay', 'overlay', '-o', options, path);
  }
  await command('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run');
  // Docker's image store is an overlay itself and needs a real file system below.
  const images = join(folder, 'real/var/lib/docker');
  await mkdir(images, { recursive: true });
  await mkdir('/var/lib/docker', { recursive: true });
  await command('mount', '--bind', images, '/var/lib/docker');

  await command('ip', 'link', 'set', 'lo', 'up');
  for (const address of Object.values(addresses)) {
    await command('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  }

  await writeFile('/etc/hosts', '127.0.0.1 localhost\n');
  await useResolver('/etc/resolv.conf', addresses.internet);
}

/** The file may be a link into /run. */
export async function useResolver(file: string, address: string): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, `nameserver ${address}\n`);
}
