import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

// More tests of confirmation are in test/unit/run/confirm.long.ts.

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

const repositories = () => [...cli.world.aws.registry.repositories.keys()];

it('exits 3 with --exit-code when a dry run finds something to change, and 0 when it does not', async () => {
  const line = 'up --only repositories';
  const dryRun = async () => [
    (await cli.run(`${line} --dry-run`)).code,
    (await cli.run(`${line} --dry-run --exit-code`)).code,
  ];
  expect(await dryRun()).toEqual([0, 3]);
  expect(repositories()).toEqual([]);
  expect((await cli.run(`${line} --yes`)).code).toBe(0);
  expect(repositories()).toEqual(['shop/external-secrets']);
  expect(await dryRun()).toEqual([0, 0]);
});

it('deletes repositories only when the project name is typed', async () => {
  expect((await cli.run('up --only repositories --yes')).code).toBe(0);
  const down = (answer: string) => cli.run('down --delete-images', { terminal: { answer } });
  const { code, stderr } = await down('yes');
  expect(code, stderr).toBe(1);
  expect(stderr).toContain('Type shop to confirm:');
  expect(repositories()).toEqual(['shop/external-secrets']);
  const agreed = await down('shop');
  expect(agreed.code, agreed.stderr).toBe(0);
  expect(repositories()).toEqual([]);
});
