import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Programs to compare with that no Debian package has. Versions are fixed, so that results can be compared. */
const modules = {
  crane: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1',
  regctl: 'github.com/regclient/regclient/cmd/regctl@v0.11.7',
};

/** The path of a peer's program, built from the Go module proxy into the user's cache when it is not there. */
export function peer(name: keyof typeof modules): string {
  const module = modules[name];
  const version = module.slice(module.indexOf('@') + 1);
  const base = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(base, 'ecr-bootstrap-bench', `${name}-${version}`);
  const program = join(folder, name);
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('go', ['install', module], { env: { ...process.env, GOBIN: folder }, stdio: 'inherit' });
  }
  return program;
}

export const peerVersions = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(modules).map(([name, module]) => [name, module.slice(module.indexOf('@v') + 2)]),
  );
