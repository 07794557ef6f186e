import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * Imports point inward only: commands -> app -> steps -> parts -> plan -> errors. Each layer lists what it may use
 * besides itself.
 */
const leaves = [
  'errors',
  'abort.ts',
  'clock.ts',
  'close-word.ts',
  'decode-text.ts',
  'duration.ts',
  'once.ts',
  'places.ts',
  'secret.ts',
  'settle.ts',
  'subprocess.ts',
];
const parts = [
  'images',
  'mirror',
  'manifests',
  'inventory',
  'aws',
  'cluster',
  'docker',
  'registry',
  'config',
  'net',
];

/** Folder or file of src -> what it may not import. */
const zone = (target, allowed, message) => ({
  target: `./src/${target}`,
  from: './src',
  except: [...new Set([target, ...allowed])].map((name) => `./${name}`),
  message,
});

const importZones = [
  zone('errors', ['secret.ts'], 'Errors know nobody.'),
  zone('plan', leaves, 'Plans know no AWS, no Kubernetes and no terminal.'),
  ...parts.map((part) => zone(part, [...parts, 'plan', ...leaves], 'Parts know neither steps nor commands.')),
  zone(
    'output',
    ['plan', 'config', 'images', 'mirror', ...leaves],
    'Reporters only show what they are told.',
  ),
  zone('steps', [...parts, 'plan', ...leaves], 'Steps know no commands and no terminal.'),
  zone('app', ['steps', 'output', ...parts, 'plan', ...leaves], 'The program knows no command line.'),
  zone('sandbox', [], 'The sandbox stands beside the product and imports nothing of it.'),
  {
    target: ['./src/commands/!(sandbox*)', './src/*.ts'],
    from: './src/sandbox',
    message: 'Only the sandbox command knows the sandbox.',
  },
];

/** Heavy packages and the one folder that wraps each. */
const owners = {
  aws: ['^@aws-sdk/', '^@smithy/'],
  cluster: ['^@kubernetes/client-node'],
  docker: ['^dockerode$', '^docker-modem$'],
};

/** Packages that a file outside their owners' folders may not import, statically or not. */
const withoutPackagesOf = (folders) => {
  const regex = folders.flatMap((folder) => owners[folder]).join('|');
  const message = `Only the adapters in src/{${folders.join(',')}} may import this package; use their ports.`;
  return {
    'no-restricted-imports': ['error', { patterns: [{ regex, message }] }],
    'no-restricted-syntax': [
      'error',
      { selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\/')}/]`, message },
    ],
  };
};

const folders = Object.keys(owners);

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'schema/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'no-console': 'error',
      eqeqeq: ['error', 'smart'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          destructuredArrayIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
      // A method without await is async all the same where a port promises rejections, never throws.
      '@typescript-eslint/require-await': 'off',
      // JSON patches and environments take keys away by name.
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: importZones }],
      ...withoutPackagesOf(folders),
    },
  },
  ...folders.map((folder) => ({
    files: [`src/${folder}/**/*.ts`],
    rules: withoutPackagesOf(folders.filter((other) => other !== folder)),
  })),
  {
    files: ['src/output/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
);
