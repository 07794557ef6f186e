import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../../src/commands/index.ts';
import { documentSchemas } from '../../../src/output/schemas.ts';
import { setUpManually } from '../../support/manual-setup.ts';
import { type Cli, openCli } from '../../support/cli.ts';
import { parseDocument } from '../../support/documents.ts';

/** Milliseconds: some tests run a whole `up`. */
const slow = { timeout: 240_000 };

/** Command lines with their exit codes and what their documents have, in an order in which each has something to do. */
const lines = [
  ['up --dry-run', 0, ['plan']],
  ['up --dry-run --diff', 0, ['plan']],
  ['up', 2, ['plan', 'error']],
  ['status', 3, ['status']],
  ['doctor', 0, ['doctor']],
  ['images --missing', 0, ['images']],
  ['up --yes', 0, ['plan', 'result']],
  ['up --yes', 0, ['plan', 'result']],
  ['status', 0, ['status']],
  ['images', 0, ['images']],
  ['images --outside', 0, ['images']],
  ['why deployment/web -n shop', 0, ['why']],
  ['why no-such/image:1', 3, ['why']],
  ['why pod/no-such -n shop', 1, ['error']],
  ['mirror nginx:1.27 no/such:1 not:a:reference', 1, ['mirror', 'error']],
  ['mirror --dry-run', 0, ['mirror']],
  ['config', 0, ['config']],
  ['config --region nowhere', 2, ['config', 'error']],
  ['version', 0, ['version']],
  ['version --context no-such-context', 0, ['version']],
  ['explain key-old', 0, ['explanation']],
  ['explain timeout', 0, ['explanation']],
  ['explain no-such-code', 2, ['error']],
  ['render', 0, ['objects']],
  ['render node', 0, ['text']],
  ['render no-such-step', 2, ['error']],
  ['policy first-run', 0, ['document', 'warnings']],
  ['policy cluster', 0, ['document', 'warnings']],
  ['init -c new.yaml', 0, ['text']],
  ['init -c new.yaml', 2, ['error']],
  ['completion bash', 0, ['text']],
  ['completion install nothing', 2, ['error']],
  ['rotate --dry-run', 0, ['plan']],
  ['rotate --force --dry-run', 0, ['plan']],
  ['rotate --yes', 0, ['plan', 'result']],
  ['up --region nowhere', 2, ['error']],
  ['up --context no-such-context', 2, ['error']],
  ['up --only no-such-step', 2, ['error']],
  ['up --no-such-flag', 2, ['error']],
  ['sandbox --no-such-flag', 2, ['error']],
  ['doctor --context no-such-context', 3, ['doctor']],
  ['status --region nowhere', 2, ['error']],
  ['status --context no-such-context', 3, ['status']],
  ['no-such-command', 2, ['error']],
  ['', 2, ['error']],
  ['down --dry-run', 0, ['plan']],
  ['down --yes', 0, ['plan', 'result']],
  ['down --yes --aws --delete-images --delete-secrets', 0, ['plan', 'result']],
] as const;

describe('the document of', () => {
  let cli: Cli;
  beforeAll(async () => {
    cli = await openCli({}, { fast: true });
  });
  afterAll(() => cli.close());

  it.each(lines)('ecr-bootstrap %s -o json fits its schema', slow, async (line, exitCode, fields) => {
    const { code, document } = await cli.json(line);
    expect(code, JSON.stringify(document)).toBe(exitCode);
    expect(document).toMatchObject({ ok: exitCode === 0 });
    expect(Object.keys(document)).toEqual(expect.arrayContaining([...fields]));
  });
});

describe('the document of up fits its schema', () => {
  it('when existing resources are not managed, and when they are adopted', slow, async () => {
    const cli = await openCli({}, { fast: true });
    setUpManually(cli.world);
    const refused = await cli.json('up --yes');
    expect(refused.document).toMatchObject({
      error: { code: 'unmanaged' },
      plan: { adoptBy: expect.any(String) as string },
    });
    const adopted = await cli.json('up --yes --adopt-all');
    expect(adopted.code, adopted.stderr).toBe(0);
    await cli.close();
  });

  it('when changes fail or are skipped', slow, async () => {
    const cli = await openCli({}, { fast: true });
    cli.world.faults.plan({ kind: 'deny', operation: /^(create|patch) clusterroles$/ });
    const { document } = await cli.json('up --yes');
    const results = outcomesIn(document).map(({ result }) => result);
    expect(document.ok).toBe(false);
    expect(new Set(results)).toEqual(new Set(['done', 'failed', 'skipped']));
    await cli.close();
  });
});

const outcomesIn = (document: object) =>
  (
    document as {
      readonly result: {
        readonly steps: readonly { readonly outcomes: readonly { readonly result: string }[] }[];
      };
    }
  ).result.steps.flatMap(({ outcomes }) => outcomes);

it('a field that the schema does not have is refused, however deep it is', () => {
  const document = { schemaVersion: 1, command: 'explain', ok: true };
  const explanation = { code: 'key-old', about: 'a', fix: 'b' };
  expect(() => parseDocument(JSON.stringify({ ...document, explanation }))).not.toThrow();
  expect(() =>
    parseDocument(JSON.stringify({ ...document, explanation: { ...explanation, more: 1 } })),
  ).toThrow('Unrecognized key: "more"');
});

it('every command has a schema, and the folder schema has no others', () => {
  expect(Object.keys(documentSchemas)).toEqual(commands.map(({ name }) => name));
  const files = [...Object.keys(documentSchemas), 'usage-error', 'ecr-bootstrap.schema'].map(
    (name) => `${name}.json`,
  );
  expect(readdirSync('schema').sort()).toEqual(files.sort());
});
