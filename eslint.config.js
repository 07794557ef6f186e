import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { importZones, withoutConfig } from './eslint.zones.js';

/** Heavy packages and the one folder that wraps each. */
const owners = {
  aws: ['^@aws-sdk/', '^@smithy/'],
  kubernetes: ['^@kubernetes/client-node'],
  docker: ['^dockerode$', '^docker-modem$'],
};

/** Packages that a file outside their owners' folders may not import, statically or not. */
const withoutPackagesOf = (folders) => {
  const regex = folders.flatMap((folder) => owners[folder]).join('|');
  const message = `Only the adapters in src/clients/{${folders.join(',')}} may import this package; use their ports.`;
  return {
    'no-restricted-imports': ['error', { patterns: [{ regex, message }] }],
    'no-restricted-syntax': [
      'error',
      { selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\/')}/]`, message },
    ],
  };
};

const folders = Object.keys(owners);

/** Imports of types only, which cost no time at startup. */
const onlyTypes = (...patterns) => ({
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { patterns: patterns.map((pattern) => ({ ...pattern, allowTypeImports: true })) },
  ],
});
const configuration = { regex: '/config/', message: 'Only the type of the configuration.' };
const documents = { regex: '/schemas\\.ts$', message: 'Only types: the program never loads the schemas.' };

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'schema/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-console': 'error',
      eqeqeq: ['error', 'smart'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
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
    files: ['src/**/*.ts', 'sandbox/**/*.ts'],
    rules: {
      'import-x/no-restricted-paths': ['error', { zones: importZones }],
      ...withoutPackagesOf(folders),
    },
  },
  ...folders.map((folder) => ({
    files: [`src/clients/${folder}/**/*.ts`],
    rules: withoutPackagesOf(folders.filter((other) => other !== folder)),
  })),
  { files: ['src/**/*.ts'], ignores: ['src/**/schemas.ts'], rules: onlyTypes(documents) },
  {
    files: withoutConfig.map((folder) => `src/${folder}/**/*.ts`),
    ignores: ['src/**/schemas.ts'],
    rules: onlyTypes(configuration, documents),
  },
  {
    files: withoutConfig.map((folder) => `src/${folder}/schemas.ts`),
    rules: onlyTypes(configuration),
  },
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
