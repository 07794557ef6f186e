import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.ts';
import { once } from '../../src/core/once.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles what runs in processes of its own, as the product is compiled. It stays within node_modules, from where packages are found. */
export const built = once((): Readonly<Record<'engine' | 'latency', string>> => {
  const output = join(root, 'node_modules/.cache/ecr-bootstrap-bench');
  const entry = (name: string) => join(root, `bench/mirror/${name}.ts`);
  bundle([entry('engine'), entry('latency')], output);
  // Without it, Node reads each file once more to find out what it is.
  writeFileSync(join(output, 'package.json'), '{ "type": "module" }\n');
  const script = (name: string) => join(output, `${name}.js`);
  return { engine: script('engine'), latency: script('latency') };
});
