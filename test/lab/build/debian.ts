import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { say, run } from '../process.ts';
import { isCrio } from '../versions.ts';

/** Debian's package for each program that the lab runs, and the file that shows that it is installed. */
const packages: Readonly<Record<string, string>> = {
  'docker.io': 'dockerd',
  runc: 'runc',
  'docker-registry': 'docker-registry',
  skopeo: 'skopeo',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  iptables: 'iptables',
  conntrack: 'conntrack',
  iproute2: 'ip',
  openssl: 'openssl',
  tini: 'tini',
  'busybox-static': '/bin/busybox',
  ...(isCrio && {
    conmon: 'conmon',
    gcc: 'gcc',
    'libc6-dev': '/usr/include/stdio.h',
    make: 'make',
  }),
};

const policy = '/usr/sbin/policy-rc.d';

function installed(program: string): boolean {
  const folders = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(delimiter);
  return folders.some((folder) => existsSync(program.startsWith('/') ? program : join(folder, program)));
}

/** Installs the Debian or Ubuntu packages of missing programs without starting any of their services. */
export async function ensureDebianPackages(log: string): Promise<void> {
  const missing = Object.keys(packages).filter((name) => !installed(packages[name] ?? name));
  if (missing.length === 0) {
    say('  Debian packages: there');
    return;
  }
  say(`  Debian packages: installing ${missing.join(' ')} ...`);
  const isTemporary = !existsSync(policy);
  // Debian's maintainer scripts call this program before they start a service. Exit code 101 forbids the start.
  if (isTemporary) await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update', '-q'], { log, env });
    await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...missing], { log, env });
  } finally {
    if (isTemporary) await rm(policy);
  }
}
