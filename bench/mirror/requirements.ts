import { existsSync, statfsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Cell } from './plan.ts';
import { isBuilt } from './peers.ts';
import { dockerTools, type ToolName } from './tools.ts';

/** Command -> Debian package. */
const always = { 'docker-registry': 'docker-registry', time: 'time', openssl: 'openssl', xargs: 'findutils' };
const docker = { dockerd: 'docker.io', docker: 'docker.io' };
/** For set C: its source, its copy, and what an upload holds before it is in its place. */
const memory = { forLarge: 7e9, forOthers: 2e9 };

/** What this machine lacks for a plan, each with what to do about it. */
export function missingFor(cells: readonly Cell[], isQuick: boolean, folder: string): string[] {
  const tools = new Set(cells.flatMap((cell) => cell.tools));
  const needsDocker = dockerTools.some((tool) => tools.has(tool));
  const without = `or leave it out: --tools ${[...tools].filter((tool) => !dockerTools.includes(tool)).join()}`;
  const missing: string[] = [];
  if (process.platform !== 'linux') missing.push('Linux: processes are measured by way of its /proc');
  const packages = packagesFor(tools, needsDocker);
  if (packages.length > 0)
    missing.push(
      `${packages.join(', ')}: apt-get install --no-install-recommends ${packages.join(' ')}${packages.includes('docker.io') ? `; ${without}` : ''}`,
    );
  if (needsDocker && process.getuid?.() !== 0)
    missing.push(`root, to start a Docker engine: sudo -E npm run bench:mirror; ${without}`);
  const unbuilt = (['crane', 'regctl'] as const).filter((name) => tools.has(name) && !isBuilt(name));
  if (unbuilt.length > 0 && !isInPath('go'))
    missing.push(`Go 1.21 or newer, to build ${unbuilt.join(' and ')} with: https://go.dev/dl/`);
  const least = isQuick ? 0.5e9 : cells.some(({ set }) => set === 'C') ? memory.forLarge : memory.forOthers;
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < least)
    missing.push(`${least / 1e9} GB free in ${folder}: mount -o remount,size=${least / 1e9}G ${folder}`);
  return missing;
}

function packagesFor(tools: ReadonlySet<ToolName>, needsDocker: boolean): string[] {
  const wanted = { ...always, ...(tools.has('skopeo') && { skopeo: 'skopeo' }), ...(needsDocker && docker) };
  const absent = Object.entries(wanted).filter(([command]) => !isInPath(command));
  return [...new Set(absent.map(([, name]) => name))];
}

const isInPath = (command: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
