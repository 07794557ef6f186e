import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.ts';
import { once } from '../../src/once.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles the engine's entry as the product is compiled. It stays within node_modules, from where packages are found. */
export const built = once((): { readonly engine: string; readonly latency: string } => {
  const output = join(root, 'node_modules/.cache/ecr-bootstrap-bench');
  const entry = (name: string) => join(root, `bench/mirror/${name}.ts`);
  bundle([entry('engine'), entry('latency')], output);
  const script = (name: string) => join(output, `${name}.js`);
  return { engine: script('engine'), latency: script('latency') };
});
