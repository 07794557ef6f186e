import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, platform } from 'node:os';
import { once } from '../core/once.ts';

/**
 * Where a process id means one process: the host's name, and as far as the system tells it a mark of this boot and of this
 * container, for laptops and containers may share a name. `laptop:1f3c9a2b`, or `laptop` alone.
 */
export const place = once(async (): Promise<string> => {
  const here = await bootAndContainer();
  if (here === undefined) return hostname();
  return `${hostname()}:${createHash('sha256').update(here).digest('hex').slice(0, 8)}`;
});

async function bootAndContainer(): Promise<string | undefined> {
  try {
    if (platform() === 'darwin') {
      const { execFileSync } = await import('node:child_process');
      return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' });
    }
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // A system that tells neither: the name has to do.
    return undefined;
  }
}
