import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Programs to compare with that no Debian package has. Versions are fixed, so that results can be compared. */
const modules = {
  crane: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1',
  regctl: 'github.com/regclient/regclient/cmd/regctl@v0.11.7',
};

type Peer = keyof typeof modules;

/** The path of a peer's program, built from the Go module proxy into the user's cache when it is not there. */
export function peer(name: Peer): string {
  const folder = folderOf(name);
  if (!isBuilt(name)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('go', ['install', modules[name]], {
      env: { ...process.env, GOBIN: folder },
      stdio: 'inherit',
    });
  }
  return join(folder, name);
}

export const isBuilt = (name: Peer): boolean => existsSync(join(folderOf(name), name));

function folderOf(name: Peer): string {
  const version = modules[name].slice(modules[name].indexOf('@') + 1);
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(base, 'ecr-bootstrap-bench', `${name}-${version}`);
}

export const peerVersions = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(modules).map(([name, module]) => [name, module.slice(module.indexOf('@v') + 2)]),
  );
