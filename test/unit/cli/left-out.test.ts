import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true });
});
afterAll(() => cli.close());

const count = (text: string): number => text.split('is missing in').length - 1;

it.each(['--skip pull-secret-distribution', '--only service-accounts', '--only service-account-policy'])(
  'up %s warns once that the pull secret is missing in the namespaces',
  async (choice) => {
    const { code, stdout } = await cli.run(`up --dry-run ${choice}`);
    expect(code).toBe(0);
    expect(count(stdout)).toBe(1);
    expect(stdout).toContain('this run skips step pull-secret-distribution');
  },
);

it('a complete up does not warn that the pull secret is missing, because it creates it', async () => {
  expect(count((await cli.run('up --dry-run')).stdout)).toBe(0);
});
