// Packs the program for users: `npm run pack -- [--into FOLDER] [linux-x64] [linux-arm64]`. Makes the npm package, an
// archive with a single executable for each platform, the installation script, the SBOM, and the checksums of them all.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle, bundleToOneFile } from './bundle.ts';
import { isPlatform, makeExecutable } from './executable.ts';
import { licensesOf } from './licenses.ts';

const { values, positionals } = parseArgs({
  options: { into: { type: 'string', default: 'packages' } },
  allowPositionals: true,
});
const platforms = positionals.map((name) => {
  if (isPlatform(name)) return name;
  throw new TypeError(`unknown platform ${name}`);
});

const root = fileURLToPath(new URL('..', import.meta.url));
const manifest = publishedManifest();
const output = resolve(values.into);
const staging = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-pack-'));
try {
  mkdirSync(output, { recursive: true });
  const packed = [
    await packForNpm(join(staging, 'npm')),
    ...(platforms.length > 0 ? await packExecutables(staging) : []),
    packInstallScript(),
    packBillOfMaterials(),
  ];
  const checksums = packed.map((name) => `${sha256(join(output, name))}  ${name}\n`);
  writeFileSync(join(output, 'SHA256SUMS'), checksums.join(''));
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** The npm package has all that it needs: it depends on no other package and runs no script. */
async function packForNpm(folder: string): Promise<string> {
  const packages = await bundle([join(root, 'src/cli.ts')], join(folder, 'dist'));
  chmodSync(join(folder, 'dist/cli.js'), 0o755);
  for (const name of ['manifests', 'schema', 'LICENSE', 'README.md'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'THIRD_PARTY_LICENSES.txt'), `${licensesOf(packages)}\n`);
  writeFileSync(join(folder, 'package.json'), manifest);
  const line = ['pack', '--silent', '--ignore-scripts', '--pack-destination', output];
  return execFileSync('npm', line, { cwd: folder, encoding: 'utf8' }).trim();
}

/** Archives with the executable and the licenses. */
async function packExecutables(folder: string): Promise<string[]> {
  const program = join(folder, 'cli.cjs');
  const packages = await bundleToOneFile(join(root, 'src/cli.ts'), program);
  writeFileSync(join(folder, 'package.json'), manifest);
  const assets = Object.fromEntries([
    ['package.json', join(folder, 'package.json')],
    ...readdirSync(join(root, 'manifests')).map((name) => {
      const path = `manifests/${name}`;
      return [path, join(root, path)] as const;
    }),
  ]);
  return platforms.map((platform) => {
    const { executable, license } = makeExecutable(platform, program, assets, folder);
    const contents = join(folder, `${platform}-archive`);
    mkdirSync(contents);
    copyFileSync(executable, join(contents, 'ecr-bootstrap'));
    copyFileSync(join(root, 'LICENSE'), join(contents, 'LICENSE'));
    const licenses = `${licensesOf(packages)}\n\n${license}`;
    writeFileSync(join(contents, 'THIRD_PARTY_LICENSES.txt'), licenses);
    const name = `ecr-bootstrap-${platform}.tar.gz`;
    const owner = ['--owner=0', '--group=0', '--numeric-owner'];
    execFileSync('tar', ['-czf', join(output, name), ...owner, '-C', contents, ...readdirSync(contents)]);
    return name;
  });
}

/** In a release, the script installs from that release. */
function packInstallScript(): string {
  const { version, repository } = JSON.parse(manifest) as {
    readonly version: string;
    readonly repository?: { readonly url: string };
  };
  const url = repository?.url.replace(/^git\+/, '').replace(/\.git$/, '');
  const script = readFileSync(join(root, 'install.sh'), 'utf8');
  const filled = url ? script.replace(/^release=$/m, `release=${url}/releases/download/v${version}`) : script;
  writeFileSync(join(output, 'install.sh'), filled, { mode: 0o755 });
  return 'install.sh';
}

/** The packages from which the program is built. */
function packBillOfMaterials(): string {
  const name = 'ecr-bootstrap.cdx.json';
  const line = ['sbom', '--package-lock-only', '--omit', 'dev', '--sbom-format', 'cyclonedx'];
  writeFileSync(join(output, name), execFileSync('npm', line, { cwd: root }));
  return name;
}

/** The dependencies are in the bundle, and the scripts are for the repository. */
function publishedManifest(): string {
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const published = ['name', 'version', 'description', 'license', 'repository', 'type', 'engines', 'bin'];
  const fields = Object.entries(own).filter(([name]) => published.includes(name));
  return `${JSON.stringify(Object.fromEntries(fields), null, 2)}\n`;
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
