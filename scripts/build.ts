// Builds dist, the installed form of the program.
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from './bundle.ts';

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

rmSync(path('dist'), { recursive: true, force: true });
const packages = bundle([path('src/cli.ts')], path('dist'));
chmodSync(path('dist/cli.js'), 0o755);
writeFileSync(path('dist/THIRD_PARTY_LICENSES.txt'), packages.map(licenseOf).join('\n'));

/** The licenses require that their text comes with every copy of the code. */
function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license: string;
  };
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8'));
  return [`${name} ${version} (${license})`, ...texts].join('\n\n');
}
