import { buildSync } from 'esbuild';

/** Loaded by few runs: dockerode depends on native code, and the client of Kubernetes is larger than everything else. */
const external = ['@kubernetes/client-node', 'dockerode'];

/**
 * Compiles a program as it is shipped, with the packages that it uses: one file for all code that is loaded together,
 * and one for each part that is loaded when it is first used. Node takes up to a millisecond to find and link a file,
 * and the packages have hundreds.
 * @param entries keep their names; the files lie in `folder` itself
 */
export function bundle(entries: readonly string[], folder: string): void {
  buildSync({
    entryPoints: [...entries],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Only ES modules can be reduced to the code in use, and imported by name when they are loaded late.
    mainFields: ['module', 'main'],
    external,
    // CommonJS packages load Node's own modules with `require`, which ES modules do not have.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
