import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Compiles the engine's entry as the product is compiled for its package, so that no loader is measured. It stays
 * within node_modules, from where packages are found.
 * @returns the script to run
 */
export function buildEngine(): string {
  const output = join(root, 'node_modules/.cache/ecr-bootstrap-bench');
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const built = spawnSync(process.execPath, [tsc, '-p', join(root, 'bench/mirror'), '--outDir', output], {
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(`the engine does not compile:\n${built.stdout}`);
  return join(output, 'bench/mirror/engine.js');
}
