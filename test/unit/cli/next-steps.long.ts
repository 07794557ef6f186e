import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeEach(async () => {
  // Without node access, workloads still pull from the internet.
  cli = await openCli({}, { fast: true, config: 'nodes: { access: off }' });
});
afterEach(() => cli.close());

it('shows the result of up and the other next steps when AWS fails while next steps are determined', async () => {
  const operation = 'ListAccessKeys';
  cli.world.faults.plan({ kind: 'error', service: 'iam', operation, resource: 'power-user' });
  const { code, document, stderr } = await cli.json('up --yes');
  expect(code, stderr).toBe(0);
  const { changed, next } = document['result'] as { changed: number; next: readonly string[] };
  expect(changed).toBeGreaterThan(0);
  expect(next).toEqual([expect.stringContaining('from the internet') as string]);
  expect(document['warnings']).toEqual([expect.stringMatching(/^Could not find all next steps: /) as string]);
}, 240_000);
