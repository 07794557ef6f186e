import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';

interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly { readonly uses?: string; readonly run?: string }[];
}

interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const folder = fileURLToPath(new URL('../../../.github/workflows/', import.meta.url));
const texts = readdirSync(folder).map((name) => [name, readFileSync(folder + name, 'utf8')] as const);
const writes = (permissions: Job['permissions'] = {}): string[] =>
  Object.keys(permissions).filter((name) => permissions[name] === 'write');

describe.each(texts)('the workflow %s', (_, text) => {
  const { permissions, jobs } = load(text) as Workflow;

  it('pins every action to a full commit, with its version in a comment', () => {
    const uses = text.split('\n').filter((line) => /\buses:/.test(line));
    expect(uses).not.toEqual([]);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('grants no write permission to all jobs at once', () => {
    expect(permissions).toBeDefined();
    expect(writes(permissions)).toEqual([]);
  });

  it('runs no code of the repository or of a dependency in a job with write permission', () => {
    for (const { permissions: own, steps } of Object.values(jobs)) {
      if (writes(own).length === 0) continue;
      // An attestation needs an identity.
      expect(writes(own).filter((name) => name !== 'attestations')).toHaveLength(1);
      for (const { uses = '', run = '' } of steps) {
        expect(uses).not.toMatch(/checkout|cache/);
        expect(run).not.toMatch(/npm (ci|install|test|pack|run)|npx|node /);
        if (run.startsWith('npm publish')) expect(run).toContain('--ignore-scripts');
      }
    }
  });

  it('runs no install script of a dependency', () => {
    const installs = Object.values(jobs)
      .flatMap(({ steps }) => steps.flatMap(({ run = '' }) => run.split('\n')))
      .filter((line) => /npm (ci|install)\b/.test(line));
    for (const line of installs) expect(line).toContain('--ignore-scripts');
  });
});
