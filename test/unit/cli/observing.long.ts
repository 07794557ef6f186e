import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Cli, openCli } from '../../support/cli.ts';
import { onlyAccessKey } from '../../support/image-puller.ts';

const timeoutMs = 120_000;

let cli: Cli;
beforeAll(async () => {
  cli = await openCli({}, { fast: true, config: 'images: { exclude: [registry.k8s.io/*] }' });
  expect((await cli.run('up --yes -q')).code).toBe(0);
  await cli.world.cluster.settled();
}, timeoutMs);
afterAll(() => cli.close());

/**
 * The operations sent to AWS with the image puller's access key. Requests to the registry use the cluster's
 * token.
 */
async function sentWithKey(line: string): Promise<readonly string[]> {
  const { id } = onlyAccessKey(cli);
  const { calls } = cli.world.faults;
  const before = calls.length;
  const { code, stderr } = await cli.run(line);
  expect(code, stderr).toBe(0);
  return calls
    .slice(before)
    .filter(({ caller, service }) => caller === id && service !== 'registry')
    .map(({ operation }) => operation);
}

it.each([
  'status',
  'up --dry-run',
  'rotate --dry-run',
  'rotate --force --dry-run',
  'down --dry-run',
  'down --aws --dry-run',
])('%s sends no request with the access key', { timeout: timeoutMs }, async (line) => {
  expect(await sentWithKey(line)).toEqual([]);
});

it('up verifies the access key with a request before it shows a plan', { timeout: timeoutMs }, async () => {
  expect(await sentWithKey('up --yes')).toEqual(['GetAuthorizationToken']);
});

it('down and then down --aws delete the access key without using it', { timeout: timeoutMs }, async () => {
  expect(await sentWithKey('down --yes')).toEqual([]);
  await cli.world.cluster.settled();
  expect(await sentWithKey('down --aws --yes')).toEqual([]);
  expect(cli.world.aws.identities.users.has('image-puller')).toBe(false);
});
