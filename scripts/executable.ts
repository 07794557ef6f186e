import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const nodeVersion = '24.21.0';
/** The checksums of the npm packages that contain this version of Node, by platform. */
const nodeChecksums = {
  'linux-x64':
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  'linux-arm64':
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
} as const;

export type Platform = keyof typeof nodeChecksums;

export const isPlatform = (name: string): name is Platform => name in nodeChecksums;

/** A copy of Node. */
interface Runtime {
  readonly executable: string;
  /** The text of the license of Node and of what it contains. */
  readonly license: string;
}

/**
 * Makes a single executable application: a copy of Node that contains a program.
 * @param program a CommonJS file
 * @param assets files by the names by which the program reads them
 * @param folder for the executable and what it is made of
 */
export function makeExecutable(
  platform: Platform,
  program: string,
  assets: Readonly<Record<string, string>>,
  folder: string,
): Runtime {
  const builder = `${process.platform}-${process.arch}`;
  if (!isPlatform(builder)) throw new Error(`could not make an executable: ${builder} is not supported`);
  const made = fetchNode(platform, join(folder, platform));
  // The program must be prepared by the same version of Node.
  const own = fetchNode(builder, join(folder, `${platform}-builder`));
  const resource = join(folder, `${platform}.blob`);
  const config = join(folder, `${platform}.json`);
  const options = {
    main: program,
    output: resource,
    assets,
    disableExperimentalSEAWarning: true,
    // Compiled code runs only on the kind of machine that compiled it.
    useCodeCache: platform === builder,
  };
  writeFileSync(config, JSON.stringify(options));
  execFileSync(own.executable, ['--experimental-sea-config', config], { stdio: 'pipe' });
  const postject = fileURLToPath(import.meta.resolve('postject/dist/cli.js'));
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  execFileSync(
    process.execPath,
    [postject, made.executable, 'NODE_SEA_BLOB', resource, '--sentinel-fuse', fuse],
    // It warns about every section of the executable that has no name.
    { stdio: 'pipe' },
  );
  return made;
}

/** Puts Node for a platform into `folder`. npm keeps what it downloads in its own cache. */
function fetchNode(platform: Platform, folder: string): Runtime {
  mkdirSync(folder);
  const name = `node-${platform}`;
  const quiet = ['--silent', '--ignore-scripts', '--prefer-offline'];
  execFileSync('npm', ['pack', ...quiet, '--pack-destination', folder, `${name}@${nodeVersion}`]);
  const archive = join(folder, `${name}-${nodeVersion}.tgz`);
  const checksum = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (checksum !== nodeChecksums[platform])
    throw new Error(`could not fetch ${name}@${nodeVersion}: its checksum is ${checksum}`);
  execFileSync('tar', ['-xzf', archive, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  return {
    executable: join(folder, 'package/bin/node'),
    license: `Node.js ${nodeVersion}\n\n${readFileSync(join(folder, 'package/LICENSE'), 'utf8')}`,
  };
}
