import { expect } from 'vitest';
import type { AccessKey } from '../../sandbox/aws/identities.ts';
import { type Cli, openCli } from './cli.ts';

/** Opens a sandbox after `up`. Its AWS accepts a disabled key for 20 more seconds. */
export async function openInstalled(): Promise<Cli> {
  const cli = await openCli({}, { fast: true });
  await succeed(cli, 'up -q --yes');
  cli.world.aws.identities.revocationLag = 20_000;
  return cli;
}

export async function succeed(cli: Cli, command: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(command);
  expect(code, `${command}: ${stdout}${stderr}`).toBe(0);
  await cli.world.cluster.settled();
  return stdout;
}

/** The image puller's access keys, without temporary credentials. */
export const accessKeys = ({ world }: Cli): AccessKey[] =>
  [...world.aws.identities.keys.values()].filter(
    ({ user, sessionToken }) => user.name === 'image-puller' && sessionToken === undefined,
  );

export function onlyAccessKey(cli: Cli): AccessKey {
  const [key, ...others] = accessKeys(cli);
  if (!key || others.length > 0) throw new Error(`there are ${others.length + (key ? 1 : 0)} keys`);
  return key;
}

/** The content of a namespace's pull secret. */
export function dockerConfig({ world }: Cli, namespace: string): string {
  const { data } = world.cluster.get('Secret', 'puller', namespace) as unknown as {
    data: Record<string, string>;
  };
  return Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
}

export const pull = ({ world }: Cli, config: string) =>
  world.images.pull(`${world.registryHost}/shop/external-secrets:v0.12.1`, 'linux/amd64', [config]);
