import { buildSync } from 'esbuild';

/**
 * Compiles a program as it is shipped: one file for all that is loaded together, and one for each part that waits for
 * its turn. Node takes up to a millisecond to find and link a file, and there are hundreds. Packages stay packages.
 * @param entries their names are kept, the files lie in `folder` itself
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
    packages: 'external',
    logLevel: 'warning',
  });
}
