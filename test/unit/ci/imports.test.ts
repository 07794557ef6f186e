import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';
import { importZones } from '../../../eslint.zones.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs only the rule about folders, because the whole configuration reads all types first. */
const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: true,
  overrideConfig: [
    {
      files: ['**/*.ts'],
      languageOptions: { parser: tseslint.parser },
      plugins: { 'import-x': importX },
      rules: { 'import-x/no-restricted-paths': ['error', { zones: importZones }] },
    },
  ],
});

/** The messages of the rule for a file that imports another one. */
async function complaints(file: string, imported: string): Promise<string[]> {
  const [result] = await eslint.lintText(`import '${imported}';`, { filePath: `${root}/${file}` });
  return (result?.messages ?? []).map(({ message }) => message);
}

/** For each zone, an import that it forbids. */
const forbidden = [
  ['src/core/step.ts', '../clients/net/index.ts'],
  ['src/clients/net/index.ts', '../../images/naming.ts'],
  ['src/images/naming.ts', '../cluster/objects.ts'],
  ['src/iam/tags.ts', '../images/naming.ts'],
  ['src/cluster/objects.ts', '../iam/tags.ts'],
  ['src/mirror/index.ts', '../external-secrets/sync.ts'],
  ['src/external-secrets/sync.ts', '../access-key/state.ts'],
  ['src/access-key/state.ts', '../nodes/hosts.ts'],
  ['src/nodes/hosts.ts', '../steps/index.ts'],
  ['src/steps/images.ts', '../run/session.ts'],
  ['src/steps/images.ts', './repositories.ts'],
  ['src/config/load.ts', '../mirror/index.ts'],
  ['src/output/index.ts', '../run/session.ts'],
  ['src/run/session.ts', '../commands/up.ts'],
  ['src/commands/up.ts', '../main.ts'],
  ['src/commands/up.ts', '../../sandbox/world.ts'],
  ['src/run/session.ts', '../../sandbox/world.ts'],
  ['sandbox/world.ts', '../src/core/clock.ts'],
] as const;

const allowed = [
  ['src/access-key/state.ts', '../external-secrets/sync.ts'],
  ['src/steps/index.ts', './images.ts'],
  ['src/core/step.ts', '../config/schema.ts'],
  ['src/commands/sandbox/sandboxed-command.ts', '../../../sandbox/world.ts'],
] as const;

describe('imports between folders', () => {
  it.each(forbidden)('%s may not import %s', async (file, imported) => {
    expect(await complaints(file, imported)).toHaveLength(1);
  });

  it.each(allowed)('%s may import %s', async (file, imported) => {
    expect(await complaints(file, imported)).toEqual([]);
  });

  it('has a forbidden import for every zone', async () => {
    const messages = await Promise.all(forbidden.map(([file, imported]) => complaints(file, imported)));
    const broken = messages.flat().join('\n');
    for (const { message } of importZones) expect(broken).toContain(message);
  });
});
