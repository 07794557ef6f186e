// Packs the program for users: `npm run pack -- [--into FOLDER]`.
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundle } from './bundle.ts';
import { licensesOf } from './licenses.ts';

const { values } = parseArgs({ options: { into: { type: 'string', default: 'packages' } } });

const root = fileURLToPath(new URL('..', import.meta.url));
const output = resolve(values.into);
const staging = mkdtempSync(join(tmpdir(), 'ecr-bootstrap-pack-'));
try {
  mkdirSync(output, { recursive: true });
  await packForNpm(join(staging, 'npm'));
} finally {
  rmSync(staging, { recursive: true, force: true });
}

/** The npm package has all that it needs: it depends on no other package and runs no script. */
async function packForNpm(folder: string): Promise<void> {
  const packages = await bundle([join(root, 'src/cli.ts')], join(folder, 'dist'));
  chmodSync(join(folder, 'dist/cli.js'), 0o755);
  for (const name of ['manifests', 'schema', 'LICENSE', 'README.md'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'THIRD_PARTY_LICENSES.txt'), `${licensesOf(packages)}\n`);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(publishedManifest(), null, 2)}\n`);
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', output], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

/** The dependencies are in the bundle, and the scripts are for the repository. */
function publishedManifest(): object {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, unknown>;
  const published = ['name', 'version', 'description', 'license', 'repository', 'type', 'engines', 'bin'];
  return Object.fromEntries(Object.entries(manifest).filter(([name]) => published.includes(name)));
}
