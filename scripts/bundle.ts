import { resolve } from 'node:path';
import { build, type BuildOptions, type Plugin } from 'esbuild';

/**
 * Packages that other packages load for features that this program does not use. They become empty modules: they are
 * large, and some have native code or read files beside themselves.
 */
const unused = [
  // dockerode: builds with BuildKit
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'protobufjs',
  // docker-modem: its own SSH client; the program `ssh` is used
  'ssh2',
  // @kubernetes/client-node: options for fetch, and copying files to and from pods
  'node-fetch',
  'stream-buffers',
  // debug: colors in its log, which is off
  'supports-color',
];

const withoutUnused: Plugin = {
  name: 'without-unused',
  setup(hooks) {
    const filter = new RegExp(`^(${unused.join('|')})$`);
    hooks.onResolve({ filter }, ({ path }) => ({ path, namespace: 'unused' }));
    hooks.onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * The Kubernetes client has 13 MB of generated classes, of which the program uses none. The package does not declare
 * that its files can be left out, so they are marked here.
 */
const withoutGeneratedClasses: Plugin = {
  name: 'without-generated-classes',
  setup(hooks) {
    const name = '@kubernetes/client-node';
    const isResolving = Symbol('resolving');
    hooks.onResolve({ filter: new RegExp(`^(\\.|${name}$)`) }, async ({ path, pluginData, ...options }) => {
      if (pluginData === isResolving || (path !== name && !options.importer.includes(`/${name}/`))) return;
      const resolved = await hooks.resolve(path, { ...options, pluginData: isResolving });
      return { ...resolved, sideEffects: false };
    });
  },
};

/**
 * Compiles a program as it is shipped, with the packages that it uses. Code that is loaded together becomes one
 * file, and each part that is loaded on first use becomes another. Node takes up to a millisecond to find and link
 * a file, and the packages have hundreds.
 * @param entries keep their names; the files are written directly to `folder`
 * @returns the folders of the packages that were bundled
 */
export const bundle = (entries: readonly string[], folder: string): Promise<string[]> =>
  compile({
    entryPoints: [...entries],
    outdir: folder,
    splitting: true,
    format: 'esm',
    // CommonJS packages load Node's own modules with `require`, which ES modules do not have.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });

/**
 * The same as one CommonJS file, the only form that Node 24 runs from inside its own executable.
 * @returns the folders of the packages that were bundled
 */
export const bundleToOneFile = (entry: string, file: string): Promise<string[]> =>
  compile({
    entryPoints: [entry],
    outfile: file,
    format: 'cjs',
    target: 'node24',
    define: { 'import.meta.url': 'undefined' },
    // Node has no dynamic imports there.
    supported: { 'dynamic-import': false },
  });

/** @returns the folders of the packages of which the output has code */
async function compile(options: BuildOptions): Promise<string[]> {
  const { metafile } = await build({
    target: 'node20.19',
    ...options,
    bundle: true,
    platform: 'node',
    // Only ES modules support tree shaking and lazy imports by name.
    mainFields: ['module', 'main'],
    plugins: [withoutUnused, withoutGeneratedClasses],
    logLevel: 'warning',
    metafile: true,
  });
  const packages = Object.values(metafile.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
    .map((folder) => resolve(folder));
  return [...new Set(packages)].sort();
}
