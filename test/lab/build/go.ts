import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import pLimit from 'p-limit';

import { capture, run } from '../process.ts';

/**
 * Builds static and small programs that do not depend on the build folder. The compiler writes no debugging information,
 * which takes it an eighth of the time and which the linker (`-s -w`) would drop.
 */
const flags = ['-trimpath', '-buildvcs=false', '-gcflags=all=-dwarf=false'];

export interface GoBuild {
  /** The folder of the main module. */
  readonly cwd: string;
  readonly packages: readonly string[];
  /** A file, or with a trailing slash a folder for several programs. */
  readonly out: string;
  readonly log: string;
  readonly tags?: readonly string[];
  /** Values for package variables, by `path/to/package.name`. */
  readonly set?: Readonly<Record<string, string>>;
  /** Whether the program needs a C compiler and libraries of this machine. */
  readonly cgo?: boolean;
}

/** Builds programs at low priority, so that the machine stays usable. */
export async function goBuild(build: GoBuild): Promise<void> {
  const values = Object.entries(build.set ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const args = ['build', ...flags, '-mod=mod', `-ldflags=${['-s', '-w', ...values].join(' ')}`];
  if (build.tags !== undefined) args.push('-tags', build.tags.join(','));
  await run('nice', ['go', ...args, '-o', build.out, ...build.packages], {
    cwd: build.cwd,
    env: { CGO_ENABLED: build.cgo === true ? '1' : '0' },
    log: build.log,
  });
}

/**
 * Makes `folder` a main module that requires one published module. Go ignores the `replace` lines of a dependency,
 * so list those that the module needs here.
 */
export async function requireModule(
  folder: string,
  module: { path: string; version: string; replace?: Readonly<Record<string, string>> },
  log: string,
): Promise<void> {
  const replaces = Object.entries(module.replace ?? {}).map(([path, by]) => `replace ${path} => ${by}\n`);
  await writeFile(join(folder, 'go.mod'), `module lab\n\n${replaces.join('')}`);
  await run('go', ['get', `${module.path}@v${module.version}`], { cwd: folder, log });
}

/** Downloads a module. @returns its folder in Go's module cache, which is read-only */
export async function downloadModule(path: string, version: string): Promise<string> {
  const answer: unknown = JSON.parse(
    await capture('go', ['mod', 'download', '-json', `${path}@v${version}`]),
  );
  return (answer as { Dir: string }).Dir;
}

/** A writable copy of a module, for the few builds that need to change a published file. */
export async function copyModule(path: string, version: string, folder: string): Promise<void> {
  await cp(await downloadModule(path, version), folder, { recursive: true });
  await run('chmod', ['-R', 'u+w', folder], { log: '/dev/null' });
}

/**
 * The modules that a module's go.mod replaces by folders of its own repository, with their published versions.
 * Kubernetes' staging modules follow its version: 1.36.3 comes with v0.36.3. Where the proxy lacks one, the newest patch
 * of the same minor version takes its place.
 */
export async function stagingReplaces(
  moduleFolder: string,
  version: string,
): Promise<Record<string, string>> {
  const text = await readFile(join(moduleFolder, 'go.mod'), 'utf8');
  const paths = [...text.matchAll(/^\s*(\S+) => \.\/staging\//gm)].map(([, path]) => path ?? '');
  const limit = pLimit(4);
  const replaces = paths.map((path) =>
    limit(async () => [path, `${path} v${await nearestVersion(path, version)}`] as const),
  );
  return Object.fromEntries(await Promise.all(replaces));
}

async function nearestVersion(path: string, version: string): Promise<string> {
  if (await isAvailable(path, version)) return version;
  const minor = `v${version.replace(/\d+$/, '')}`;
  const list = await capture('go', ['list', '-m', '-versions', path]).catch(() => '');
  const patches = list.match(/(?<=v)[\d.]+(?=\s)/g) ?? [];
  for (const patch of patches.reverse()) {
    if (`v${patch}`.startsWith(minor) && (await isAvailable(path, patch))) return patch;
  }
  // Either no program needs the module, or the build names it.
  return version;
}

const isAvailable = (path: string, version: string): Promise<boolean> =>
  downloadModule(path, version).then(
    () => true,
    () => false,
  );
