import { buildSync } from 'esbuild';

/**
 * Few runs load these packages. dockerode depends on native code, and the Kubernetes client is larger than
 * everything else.
 */
const external = ['@kubernetes/client-node', 'dockerode'];

/**
 * Compiles a program as it is shipped, with the packages that it uses. Code that is loaded together becomes one
 * file, and each part that is loaded on first use becomes another. Node takes up to a millisecond to find and link
 * a file, and the packages have hundreds.
 * @param entries keep their names; the files are written directly to `folder`
 * @returns the folders of the packages that were bundled
 */
export function bundle(entries: readonly string[], folder: string): string[] {
  const { metafile } = buildSync({
    entryPoints: [...entries],
    outdir: folder,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Only ES modules support tree shaking and lazy imports by name.
    mainFields: ['module', 'main'],
    external,
    // CommonJS packages load Node's own modules with `require`, which ES modules do not have.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    logLevel: 'warning',
    metafile: true,
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? [],
  );
  return [...new Set(packages)].sort();
}
