// Fails unless every package in the lockfile has a checksum and no download address: `npm ci` then verifies what any
// registry serves, and installs from the registry that is configured here.
import { readFileSync } from 'node:fs';

const [, , file = 'package-lock.json'] = process.argv;
const { packages } = JSON.parse(readFileSync(file, 'utf8'));

// The project itself and its workspaces are not downloaded; a bundled package comes inside one that is verified.
const downloaded = Object.entries(packages).filter(
  ([path, { link, inBundle }]) => path.includes('node_modules/') && !link && !inBundle,
);
const faults = downloaded.flatMap(([path, { integrity, resolved }]) => [
  ...(/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '') ? [] : [`${path} has no SHA-512 checksum`]),
  ...(resolved === undefined ? [] : [`${path} has a download address`]),
]);

for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error('To fix the lockfile, delete package-lock.json and node_modules, and run: npm install');
  process.exitCode = 1;
} else {
  console.log(`${downloaded.length} packages, each with a checksum and without an address`);
}
