import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => void (cli = await openCli({}, { fast: true })));
afterAll(() => cli.close());

it('reports a check without a result after its own timeout, and all other checks', async () => {
  cli.world.faults.plan({ kind: 'timeout', operation: 'list nodes' });
  const { code, stdout } = await cli.run('doctor');
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /^\? Not checked +Node runtimes, Source images: there was no result within 20 seconds/m,
  );
  expect(stdout).toMatch(/^✓ Cluster rights /m);
  expect(stdout).toMatch(/^✓ AWS permissions /m);
}, 60_000);
