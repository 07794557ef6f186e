import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from '../../src/once.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Compiles the engine's entry as the product is compiled for its package, so that no loader is measured. It stays
 * within node_modules, from where packages are found.
 */
export const built = once((): { readonly engine: string; readonly latency: string } => {
  const output = join(root, 'node_modules/.cache/ecr-bootstrap-bench');
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const compiled = spawnSync(process.execPath, [tsc, '-p', join(root, 'bench/mirror'), '--outDir', output], {
    encoding: 'utf8',
  });
  if (compiled.status !== 0) throw new Error(`the engine does not compile:\n${compiled.stdout}`);
  const script = (name: string) => join(output, `bench/mirror/${name}.js`);
  return { engine: script('engine'), latency: script('latency') };
});
